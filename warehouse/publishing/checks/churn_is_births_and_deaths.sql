-- Churn is the birth rate and the death rate together, wherever all three are published.
-- judged: from indicators where indicator = 'enterprise_churn'
select c.indicator, c.geo, c.period, c.value as churn, b.value as births, d.value as deaths
from indicators c
join indicators b on b.indicator = 'enterprise_birth_rate' and b.geo = c.geo and b.period = c.period
join indicators d on d.indicator = 'enterprise_death_rate' and d.geo = c.geo and d.period = c.period
where c.indicator = 'enterprise_churn' and abs(c.value - b.value - d.value) > 1e-6
