-- Every published figure leads to a snapshot with an address and a sha256.
-- judged: from observations
select o.dataset, o.snapshot_id, count(*) as rows
from observations o left join snapshots s using (snapshot_id)
where s.sha256 is null or s.url is null
group by all
