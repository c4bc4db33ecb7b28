-- Progress is 0 at the baseline, 100 at the target and on one straight line all the way; the baseline is no result.
-- judged: from target_results
select r.target_id, r.version, r.period, r.value, r.progress
from target_results r join targets t using (target_id, version)
where abs(r.progress - (r.value - t.baseline_value) / (t.target_value - t.baseline_value) * 100) > 1e-6 * greatest(1, abs(r.progress))
   or (r.progress is null and r.status in ('met', 'on_track', 'delayed', 'off_track'))
   or r.period <= t.baseline_period
