-- No indicator value rests on figures from both sides of a break: of one series in several periods, none but the first
-- has the flag b, and no registered break lies after the first.
-- judged: from indicator_inputs where input_period <> period
with spans as (
    select indicator, geo, period, input_series, min(input_period) as first, max(input_period) as last
    from indicator_inputs group by all having min(input_period) < max(input_period)
), known as (
    select distinct s.series, b.period as starts
    from series s join breaks b on b.dataset = s.dataset and b.indicator in (s.indicator, '*') and s.geo like replace(b.geo, '*', '%')
    union
    select distinct input_series, input_period from indicator_inputs where contains(input_flag, 'b')
)
select indicator, geo, period, input_series, starts
from spans join known on known.series = spans.input_series and starts > first and starts <= last
