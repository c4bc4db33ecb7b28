-- Every published figure has an indicator and a unit.
-- judged: from observations
select dataset, indicator, unit, count(*) as rows
from observations where unit is null or indicator is null or geo is null
group by all
