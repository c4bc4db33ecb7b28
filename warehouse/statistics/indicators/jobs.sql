-- theme: employment
-- source_kind: accounts
-- directive: territory
-- relevance: whole_economy
-- counts: none
-- interval: none
-- pitfalls: Regional accounts: jobs located in the territory, not its residents; never put into one ratio with the labour force survey. Revised back to 2000 with each benchmark revision.
-- pitfalls_it: Conti territoriali: posti di lavoro che si trovano nel territorio, non i suoi residenti; mai in un rapporto con le forze di lavoro. A ogni revisione generale si rivedono dal 2000.
create or replace temp table jobs_counted as
select geo, period, nace_r2, value, input,
       segment + count(*) filter (contains(flag, 'b')) over (partition by series order by period) as segment
from observations where dataset = 'nama_10r_3empers' and wstatus = 'EMP';
-- provinces are published by six sectors, regions by ten
create or replace temp table shift_share as
with breakdowns (length, sectors) as (values
    (4, ['A', 'B-E', 'F', 'G-I', 'J', 'K', 'L', 'M_N', 'O-Q', 'R-U']), (5, ['A', 'B-E', 'F', 'G-J', 'K-N', 'O-U'])
), pairs as (
    select d.length, len(d.sectors) as sectors, b.geo, b.period, b.nace_r2, a.value as before, b.value as after,
           [a.input, b.input] as inputs
    from jobs_counted b
    join breakdowns d on length(b.geo) in (2, d.length) and list_contains(d.sectors, b.nace_r2)
    join jobs_counted a on a.geo = b.geo and a.nace_r2 = b.nace_r2 and a.segment = b.segment and a.period = (b.period::int - 1)::varchar
    where b.value is not null and a.value is not null
), totals as (
    select length, geo, period, sum(before order by nace_r2) as before, sum(after order by nace_r2) as after
    from pairs group by length, sectors, geo, period having count(*) = sectors
)
select r.geo, r.period, sum(r.before order by r.nace_r2) as jobs_before,
       sum(r.before order by r.nace_r2) * (any_value(t.after) / any_value(t.before) - 1) as national,
       sum(r.before * (c.after / c.before - t.after / t.before) order by r.nace_r2) as mix,
       -- E0_ir x (g_ir - g_i), which a sector new to the territory has too
       sum(r.after - r.before * c.after / c.before order by r.nace_r2) as local,
       flatten(list(c.inputs order by c.nace_r2)) as inputs_of_country, list(r.inputs[1] order by r.nace_r2) as inputs_before,
       flatten(list(r.inputs order by r.nace_r2)) as inputs_of_both
from pairs r
join pairs c on c.length = r.length and c.geo = left(r.geo, 2) and c.period = r.period and c.nace_r2 = r.nace_r2
join totals t on t.length = c.length and t.geo = c.geo and t.period = c.period
where length(r.geo) = r.length and c.before > 0
group by r.geo, r.period, r.sectors having count(*) = r.sectors;

-- id: jobs
-- title_it: Occupati interni, totale economia
-- title_en: Jobs located in the territory
-- definition_it: Occupati presso unità produttive del territorio (conti economici territoriali)
-- definition_en: Persons employed in production units of the territory (regional accounts, domestic concept)
-- unit: THS
-- formula: employment by place of work
-- formula_it: occupati per luogo di lavoro
-- direction: up
-- sources: nama_10r_3empers wstatus EMP, nace_r2 TOTAL
-- sources_it: nama_10r_3empers wstatus EMP, nace_r2 TOTAL
select geo, period, value, value as numerator, null as denominator, [input] as inputs
from jobs_counted where nace_r2 = 'TOTAL';

-- id: jobs_growth
-- title_it: Crescita degli occupati interni
-- title_en: Growth of jobs
-- definition_it: Variazione percentuale degli occupati interni sull'anno precedente
-- definition_en: Change in the jobs located in the territory since the year before, in percent
-- unit: PC
-- formula: (jobs - jobs of the year before) / jobs of the year before x 100
-- formula_it: (occupati interni - quelli dell'anno prima) / quelli dell'anno prima x 100
-- direction: up
-- sources: nama_10r_3empers wstatus EMP, nace_r2 TOTAL
-- sources_it: nama_10r_3empers wstatus EMP, nace_r2 TOTAL
select b.geo, b.period, (b.value - a.value) / nullif(a.value, 0) * 100 as value, b.value - a.value as numerator,
       a.value as denominator, [b.input, a.input] as inputs
from jobs_counted b
join jobs_counted a on a.geo = b.geo and a.nace_r2 = b.nace_r2 and a.segment = b.segment and a.period = (b.period::int - 1)::varchar
where b.nace_r2 = 'TOTAL';

-- id: jobs_growth_5y
-- title_it: Crescita media annua degli occupati interni, cinque anni
-- title_en: Average annual growth of jobs, five years
-- definition_it: Tasso medio annuo composto di variazione degli occupati interni in cinque anni
-- definition_en: Compound average annual change in the jobs located in the territory over five years, in percent
-- unit: PC
-- formula: ((jobs / jobs of five years before) ^ (1/5) - 1) x 100
-- formula_it: ((occupati interni / quelli di cinque anni prima) ^ (1/5) - 1) x 100
-- direction: up
-- sources: nama_10r_3empers wstatus EMP, nace_r2 TOTAL
-- sources_it: nama_10r_3empers wstatus EMP, nace_r2 TOTAL
select b.geo, b.period, (pow(b.value / nullif(a.value, 0), 1 / 5) - 1) * 100 as value, b.value as numerator,
       a.value as denominator, [b.input, a.input] as inputs
from jobs_counted b
join jobs_counted a on a.geo = b.geo and a.nace_r2 = b.nace_r2 and a.segment = b.segment and a.period = (b.period::int - 5)::varchar
where b.nace_r2 = 'TOTAL';

-- id: shift_share_national
-- title_it: Shift-share: componente nazionale
-- title_en: Shift-share: national growth
-- definition_it: Posti che la regione avrebbe guadagnato in un anno crescendo quanto il suo paese
-- definition_en: Jobs the region would have gained in a year had it grown like its country
-- unit: THS
-- formula: sum over sectors of E0_ir x g
-- formula_it: somma sui settori di E0_ir x g
-- direction: none
-- sources: nama_10r_3empers wstatus EMP, the sectors that make up the economy: ten at NUTS 2, six at NUTS 3
select geo, period, national as value, national as numerator, null as denominator, inputs_before || inputs_of_country as inputs
from shift_share;

-- id: shift_share_mix
-- title_it: Shift-share: composizione settoriale
-- title_en: Shift-share: industry mix
-- definition_it: Posti dovuti alla composizione settoriale della regione, in un anno
-- definition_en: Jobs due to the region's mix of sectors, in a year
-- unit: THS
-- formula: sum over sectors of E0_ir x (g_i - g)
-- formula_it: somma sui settori di E0_ir x (g_i - g)
-- direction: none
-- sources: nama_10r_3empers wstatus EMP, the sectors that make up the economy: ten at NUTS 2, six at NUTS 3
select geo, period, mix as value, mix as numerator, null as denominator, inputs_before || inputs_of_country as inputs
from shift_share;

-- id: shift_share_local
-- title_it: Shift-share: componente locale
-- title_en: Shift-share: regional shift
-- definition_it: Posti dovuti al diverso passo dei settori nella regione e nel paese, in un anno
-- definition_en: Jobs due to the sectors growing otherwise in the region than in the country, in a year
-- unit: THS
-- formula: sum over sectors of E0_ir x (g_ir - g_i)
-- formula_it: somma sui settori di E0_ir x (g_ir - g_i)
-- direction: up
-- sources: nama_10r_3empers wstatus EMP, the sectors that make up the economy: ten at NUTS 2, six at NUTS 3
select geo, period, local as value, local as numerator, null as denominator, inputs_of_both || inputs_of_country as inputs
from shift_share;
