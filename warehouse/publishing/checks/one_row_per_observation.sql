-- An observation is named by its dataset, dimensions and period: the latest figures hold each once.
-- judged: from observations
select dataset, geo, period, rows
from (select *, count(*) as rows from (select * exclude (value, flag, conf, known_from, snapshot_id) from observations) group by all)
where rows > 1
