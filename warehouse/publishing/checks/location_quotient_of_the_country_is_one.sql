-- A country is as specialised as itself: its location quotients and its revealed advantage are 1.
-- judged: from indicators where (indicator like 'location_quotient_%' or indicator = 'micro_nano_advantage_5y')
-- judged: and length(geo) = 2
select indicator, geo, period, value from indicators
where (indicator like 'location_quotient_%' or indicator = 'micro_nano_advantage_5y') and length(geo) = 2
  and abs(value - 1) > 1e-9
