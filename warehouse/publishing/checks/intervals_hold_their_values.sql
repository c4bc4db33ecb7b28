-- A value lies within its interval, and rates of births, deaths and survival are not negative.
-- judged: from indicators where ci_low is not null or ci_high is not null
select indicator, geo, period, value, ci_low, ci_high from indicators
where (ci_low is null) <> (ci_high is null) or value < ci_low - 1e-9 or value > ci_high + 1e-9
   or (value < 0 and indicator in ('enterprise_birth_rate', 'enterprise_death_rate', 'enterprise_survival_3y'))
