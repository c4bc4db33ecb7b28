-- Every indicator value names the observations it was computed from, and no value occurs twice.
-- judged: from indicators
select indicator, geo, period, 'no input' as problem
from indicators anti join indicator_inputs using (indicator, geo, period)
union all
select indicator, geo, period, 'twice' from indicators group by all having count(*) > 1
