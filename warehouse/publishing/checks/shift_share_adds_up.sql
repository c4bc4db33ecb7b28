-- The three parts of the shift-share add up to the change in jobs of the ten sectors they are made of, exactly.
-- judged: from indicators where indicator like 'shift_share_%'
with parts as (
    select geo, period, sum(value) as parts from indicators where indicator like 'shift_share_%' group by geo, period
), changes as (
    -- the region's own sectors, of both years
    select geo, period, sum(case when input_period = period then input_value else -input_value end) as change
    from indicator_inputs where indicator = 'shift_share_local' and input_geo = geo group by geo, period
)
select 'shift_share_local' as indicator, geo, period, parts, change from parts full join changes using (geo, period)
where abs(parts - change) > 1e-6 or parts is null or change is null
