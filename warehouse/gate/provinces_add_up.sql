-- Enterprise counts of our provinces add up to our region, in every year in which all of them are known.
-- Births add up exactly in bd_size_r3; deaths of 2012 are short by 5 in 22,668, hence a thousandth, or one a province.
select dataset, indicator, period, sum(p.value) as provinces, any_value(r.value) as region
from enterprise_births p
join territory t on t.geo = p.geo and t.role = 'province'
join (select dataset, indicator, period, sizeclas, nace_r2, value from enterprise_births
      join territory using (geo) where role = 'region') r using (dataset, indicator, period)
where p.unit = 'NR' and p.indicator in ('V11910', 'V11920', 'V11930', 'ENT_NR', 'ENT_BRTH_NR', 'ENT_DTH_NR')
  and p.sizeclas is not distinct from r.sizeclas and p.nace_r2 is not distinct from r.nace_r2
group by dataset, indicator, period, p.sizeclas, p.nace_r2
having count(p.value) = (select count(*) from territory where role = 'province')
   and abs(sum(p.value) - any_value(r.value)) > greatest(any_value(r.value) / 1000, count(p.value))
