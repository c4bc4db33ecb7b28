-- Every territory of an indicator is one of geography, and so its level is known.
-- judged: from indicators
select indicator, geo, count(*) as rows from indicators anti join geography using (geo) group by all
