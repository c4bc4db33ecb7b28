-- Our birth rate, recomputed from counts, agrees with the provider's own (V97020) within 0.1 points, in our territory.
-- Elsewhere the provider's table disagrees with itself (FI1D8 in 2014 by 0.46), which is not ours to block on.
select i.geo, i.period, i.value as recomputed, o.value as published
from indicators i
join territory using (geo)
join observations o on o.geo = i.geo and o.period = i.period
where i.indicator = 'enterprise_birth_rate' and i.dataset = 'bd_size_r3'
  and o.dataset = 'bd_size_r3' and o.indicator = 'V97020' and o.sizeclas = 'TOTAL'
  and abs(i.value - o.value) > 0.1
