-- theme: patents
-- source_kind: register
-- directive: talents
-- relevance: whole_economy
-- complete_until: 2010
-- pitfalls: By priority year and inventor's residence, counted in fractions. 2011 and 2012 are truncated by the publication lag: read no decline. Intervals of fractional counts are approximate. Inventors credit the region they live in, not the applicant's. A territory without a figure counts 0 where the others add up to their total within rounding; of 7,574 such zeros 846 leave a residual of up to 0.04.
-- pitfalls_it: Per anno di priorità e residenza dell'inventore, a frazioni. Il 2011 e il 2012 sono troncati dal ritardo di pubblicazione: non si legge un calo. Gli intervalli dei conteggi frazionari sono approssimati. Conta la regione dove vive l'inventore, non quella del richiedente. Un territorio senza dato vale 0 dove gli altri danno il totale entro l'arrotondamento; di 7.574 zeri così ottenuti 846 lasciano un residuo, al massimo di 0,04.

-- a province without a figure has none where its sisters add up to the region: a zero that the region's total proves
create or replace temp table patents_counted as
with counted as (
    select geo, period, value, [input] as inputs, false as derived,
           segment + count(*) filter (contains(flag, 'b')) over (partition by series order by period) as segment
    from observations where dataset = 'pat_ep_rtot' and unit = 'NR'
), kin as (
    select distinct g.geo, g.parent from distretto.geography g semi join counted using (geo) where g.parent is not null
), proven as (
    select k.parent, w.period, any_value(w.inputs) || coalesce(flatten(list(c.inputs order by c.geo) filter (c.value is not null)), []) as inputs
    from kin k join counted w on w.geo = k.parent and w.value is not null
    left join counted c on c.geo = k.geo and c.period = w.period
    group by k.parent, w.period
    -- each figure is rounded to a hundredth
    having count(c.value) < count(*) and abs(any_value(w.value) - coalesce(sum(c.value), 0)) <= 0.005 * (count(c.value) + 1) + 1e-9
)
select geo, period, value, inputs, derived, segment from counted where value is not null
union all
select k.geo, p.period, 0, p.inputs, true, 0
from kin k join proven p on p.parent = k.parent
anti join (from counted where value is not null) c on c.geo = k.geo and c.period = p.period;
create or replace temp table patents_pooled as
with yearly as (
    select a.*, p.value as residents, p.input as residents_input
    from patents_counted a
    left join (from observations where dataset = 'demo_r_pjanaggr3' and sex = 'T' and age = 'TOTAL' and value is not null) p
        on p.geo = a.geo and p.period = a.period
), spans as (
    select *, 3 as span, count(*) over three as years, sum(value) over three as total, list(inputs) over three as inputs_of_all,
           bool_or(derived) over three as any_derived, sum(residents) over three as population,
           list(residents_input) filter (residents is not null) over three as residents_of_all
    from yearly window three as (partition by geo, segment order by period::int range between 2 preceding and current row)
    union all by name
    select *, 5 as span, count(*) over five as years, sum(value) over five as total, list(inputs) over five as inputs_of_all,
           bool_or(derived) over five as any_derived, sum(residents) over five as population,
           list(residents_input) filter (residents is not null) over five as residents_of_all
    from yearly window five as (partition by geo, segment order by period::int range between 4 preceding and current row)
)
select geo, period, span, round(total, 6) as applications, flatten(inputs_of_all) as inputs, any_derived as derived, population,
       residents_of_all as residents
from spans where years = span;

-- id: epo_applications
-- title_it: Domande di brevetto presentate all'EPO
-- title_en: Patent applications to the EPO
-- definition_it: Domande per anno di priorità e residenza dell'inventore, conteggio frazionario
-- definition_en: Applications by priority year and inventor's residence, fractional count
-- unit: NR
-- formula: sum over applications of the share of inventors resident in the region
-- formula_it: somma sulle domande della quota di inventori residenti nella regione
-- direction: up
-- sources: pat_ep_rtot NR
-- sources_it: pat_ep_rtot NR
-- counts: numerator
-- interval: gamma
-- pooled: epo_applications_5y
select geo, period, value, value as numerator, null as denominator, inputs, derived from patents_counted;

-- id: epo_applications_per_million
-- count_from: epo_applications
-- title_it: Domande di brevetto EPO per milione di abitanti
-- title_en: EPO patent applications per million inhabitants
-- definition_it: Domande all'EPO per milione di abitanti al 1° gennaio, come pubblicate dal fornitore
-- definition_en: Applications to the EPO per million inhabitants on 1 January, as the provider publishes them
-- unit: P_MHAB
-- formula: applications / population x 1,000,000
-- formula_it: domande / popolazione x 1.000.000
-- direction: up
-- sources: pat_ep_rtot P_MHAB
-- sources_it: pat_ep_rtot P_MHAB
-- counts: none
-- interval: none
-- pooled: epo_applications_per_million_5y
select geo, period, value, null as numerator, null as denominator, [input] as inputs
from observations where dataset = 'pat_ep_rtot' and unit = 'P_MHAB';

-- id: epo_applications_per_labour_force
-- count_from: epo_applications
-- title_it: Domande di brevetto EPO per milione di forze di lavoro
-- title_en: EPO patent applications per million persons in the labour force
-- definition_it: Domande all'EPO per milione di persone delle forze di lavoro, come pubblicate dal fornitore
-- definition_en: Applications to the EPO per million persons in the labour force, as the provider publishes them
-- unit: P_MACT
-- formula: applications / labour force x 1,000,000
-- formula_it: domande / forze di lavoro x 1.000.000
-- direction: up
-- sources: pat_ep_rtot P_MACT, to NUTS 2 only
-- sources_it: pat_ep_rtot P_MACT, solo fino alla NUTS 2
-- counts: none
-- interval: none
select geo, period, value, null as numerator, null as denominator, [input] as inputs
from observations where dataset = 'pat_ep_rtot' and unit = 'P_MACT';

-- id: epo_applications_3y
-- title_it: Domande di brevetto EPO in tre anni
-- title_en: EPO patent applications over three years
-- definition_it: Somma delle domande dei tre anni che terminano con quello indicato
-- definition_en: Sum of the applications of the three years that end with the one named
-- unit: NR
-- formula: applications of t-2, t-1 and t
-- formula_it: domande di t-2, t-1 e t
-- direction: up
-- sources: pat_ep_rtot NR
-- sources_it: pat_ep_rtot NR
-- counts: numerator
-- interval: gamma
select geo, period, applications as value, applications as numerator, null as denominator, inputs, derived
from patents_pooled where span = 3;

-- id: epo_applications_5y
-- title_it: Domande di brevetto EPO in cinque anni
-- title_en: EPO patent applications over five years
-- definition_it: Somma delle domande dei cinque anni che terminano con quello indicato
-- definition_en: Sum of the applications of the five years that end with the one named
-- unit: NR
-- formula: applications of t-4 to t
-- formula_it: domande da t-4 a t
-- direction: up
-- sources: pat_ep_rtot NR
-- sources_it: pat_ep_rtot NR
-- counts: numerator
-- interval: gamma
select geo, period, applications as value, applications as numerator, null as denominator, inputs, derived
from patents_pooled where span = 5;

-- id: epo_applications_per_million_3y
-- title_it: Domande di brevetto EPO per milione di abitanti, tre anni
-- title_en: EPO patent applications per million inhabitants, three years
-- definition_it: Domande di tre anni per milione di abitanti degli stessi anni
-- definition_en: Applications of three years per million inhabitants of the same years
-- unit: P_MHAB
-- formula: sum of applications of t-2 to t / sum of population of t-2 to t x 1,000,000
-- formula_it: somma delle domande da t-2 a t / somma della popolazione da t-2 a t x 1.000.000
-- direction: up
-- sources: pat_ep_rtot NR; demo_r_pjanaggr3 sex T, age TOTAL
-- counts: numerator
-- interval: gamma
select geo, period, applications / nullif(population, 0) * 1000000 as value, applications as numerator, population as denominator,
       inputs || residents as inputs, derived
from patents_pooled where span = 3 and len(residents) = 3;

-- id: epo_applications_per_million_5y
-- title_it: Domande di brevetto EPO per milione di abitanti, cinque anni
-- title_en: EPO patent applications per million inhabitants, five years
-- definition_it: Domande di cinque anni per milione di abitanti degli stessi anni
-- definition_en: Applications of five years per million inhabitants of the same years
-- unit: P_MHAB
-- formula: sum of applications of t-4 to t / sum of population of t-4 to t x 1,000,000
-- formula_it: somma delle domande da t-4 a t / somma della popolazione da t-4 a t x 1.000.000
-- direction: up
-- sources: pat_ep_rtot NR; demo_r_pjanaggr3 sex T, age TOTAL
-- counts: numerator
-- interval: gamma
select geo, period, applications / nullif(population, 0) * 1000000 as value, applications as numerator, population as denominator,
       inputs || residents as inputs, derived
from patents_pooled where span = 5 and len(residents) = 5;
