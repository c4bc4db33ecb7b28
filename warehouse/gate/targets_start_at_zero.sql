-- Progress is 0 at the baseline and 100 at the target, and the baseline is no result.
select r.target_id, r.version, r.period, r.value, r.progress
from target_results r join targets t using (target_id, version)
where (r.value = t.baseline_value and abs(r.progress) > 1e-9)
   or (r.value = t.target_value and abs(r.progress - 100) > 1e-9)
   or r.period <= t.baseline_period
