-- theme: enterprise_births
-- source_kind: register
-- directive: territory
-- relevance: whole_economy
-- pitfalls: Two perimeters, to 2020 and from 2021, never one series. By seat of the enterprise: a plant here of a company registered elsewhere is not counted. Intervals show chance, not sampling: the register counts every enterprise.
-- pitfalls_it: Due perimetri, fino al 2020 e dal 2021, mai una sola serie. Per sede dell'impresa: lo stabilimento di un'impresa con sede altrove non è contato. Gli intervalli mostrano il caso, non il campionamento: il registro conta ogni impresa.
create or replace temp table demography as
select dataset, geo, period,
       any_value(value) filter (what = 'active') as active, any_value(input) filter (what = 'active') as active_input,
       any_value(segment) filter (what = 'active') as active_segment,
       any_value(value) filter (what = 'births') as births, any_value(input) filter (what = 'births') as births_input,
       any_value(segment) filter (what = 'births') as births_segment,
       any_value(value) filter (what = 'deaths') as deaths, any_value(input) filter (what = 'deaths') as deaths_input,
       any_value(value) filter (what = 'survivors') as survivors, any_value(input) filter (what = 'survivors') as survivors_input,
       any_value(value) filter (what = 'employed') as employed, any_value(input) filter (what = 'employed') as employed_input,
       any_value(value) filter (what = 'employed_births') as employed_births,
       any_value(input) filter (what = 'employed_births') as employed_births_input
from (
    select dataset, geo, period, value, input,
           segment + count(*) filter (contains(flag, 'b')) over (partition by series order by period) as segment,
           case when indicator = 'V11910' or indicator = 'ENT_NR' then 'active'
                when indicator = 'V11920' or indicator = 'ENT_BRTH_NR' then 'births'
                when indicator = 'V11930' or indicator = 'ENT_DTH_NR' then 'deaths'
                when indicator = 'V11943' or indicator = 'ENT_SRVL_Y3_NR' then 'survivors'
                when indicator = 'V16910' or indicator = 'EMP_NR' then 'employed'
                when indicator = 'V16920' or indicator = 'EMP_BRTH_NR' then 'employed_births' end as what
    from observations
    where (dataset = 'bd_size_r3' and sizeclas = 'TOTAL'
           and indicator in ('V11910', 'V11920', 'V11930', 'V11943', 'V16910', 'V16920'))
       or (dataset = 'bd_hgnace_r' and nace_r2 = 'B-S_X_O_S94' and period >= '2021'
           and indicator in ('ENT_NR', 'ENT_BRTH_NR', 'ENT_DTH_NR', 'ENT_SRVL_Y3_NR', 'EMP_NR', 'EMP_BRTH_NR'))
)
group by dataset, geo, period;

-- id: enterprise_births
-- title_it: Nascite d'impresa
-- title_en: Enterprise births
-- definition_it: Imprese nate nell'anno, escluse quelle sorte da fusioni, scissioni e ristrutturazioni
-- definition_en: Enterprises born in the year, without those that come from mergers, break-ups and restructuring
-- unit: NR
-- formula: births
-- formula_it: nascite
-- direction: up
-- sources: bd_size_r3 V11920 to 2020; bd_hgnace_r ENT_BRTH_NR from 2021
-- sources_it: bd_size_r3 V11920 fino al 2020; bd_hgnace_r ENT_BRTH_NR dal 2021
-- counts: numerator
-- interval: poisson
select geo, period, births as value, births as numerator, null as denominator, [births_input] as inputs
from demography where births_input is not null;

-- id: enterprise_deaths
-- title_it: Cessazioni d'impresa
-- title_en: Enterprise deaths
-- definition_it: Imprese cessate nell'anno, non riattivate nei due anni seguenti
-- definition_en: Enterprises that ceased in the year and were not reactivated within two years
-- unit: NR
-- formula: deaths
-- formula_it: cessazioni
-- direction: down
-- sources: bd_size_r3 V11930 to 2019; bd_hgnace_r ENT_DTH_NR from 2021
-- sources_it: bd_size_r3 V11930 fino al 2019; bd_hgnace_r ENT_DTH_NR dal 2021
-- counts: numerator
-- interval: poisson
-- provisional_periods: 2
select geo, period, deaths as value, deaths as numerator, null as denominator, [deaths_input] as inputs
from demography where deaths_input is not null;

-- id: enterprise_birth_rate
-- title_it: Tasso di natalità delle imprese
-- title_en: Enterprise birth rate
-- definition_it: Imprese nate nell'anno per cento imprese attive nello stesso anno
-- definition_en: Enterprises born in the year per hundred enterprises active in it
-- unit: PC
-- formula: births / active enterprises x 100
-- formula_it: nascite / imprese attive x 100
-- direction: up
-- sources: bd_size_r3 V11920, V11910 to 2020; bd_hgnace_r ENT_BRTH_NR, ENT_NR from 2021
-- sources_it: bd_size_r3 V11920, V11910 fino al 2020; bd_hgnace_r ENT_BRTH_NR, ENT_NR dal 2021
-- counts: numerator
-- interval: wilson
select geo, period, births / nullif(active, 0) * 100 as value, births as numerator, active as denominator,
       [births_input, active_input] as inputs
from demography where births_input is not null and active_input is not null;

-- id: enterprise_death_rate
-- title_it: Tasso di mortalità delle imprese
-- title_en: Enterprise death rate
-- definition_it: Imprese cessate nell'anno per cento imprese attive nello stesso anno
-- definition_en: Enterprises that ceased in the year per hundred enterprises active in it
-- unit: PC
-- formula: deaths / active enterprises x 100
-- formula_it: cessazioni / imprese attive x 100
-- direction: down
-- sources: bd_size_r3 V11930, V11910 to 2019; bd_hgnace_r ENT_DTH_NR, ENT_NR from 2021
-- sources_it: bd_size_r3 V11930, V11910 fino al 2019; bd_hgnace_r ENT_DTH_NR, ENT_NR dal 2021
-- counts: numerator
-- interval: wilson
-- provisional_periods: 2
select geo, period, deaths / nullif(active, 0) * 100 as value, deaths as numerator, active as denominator,
       [deaths_input, active_input] as inputs
from demography where deaths_input is not null and active_input is not null;

-- id: enterprise_churn
-- title_it: Tasso lordo di turnover delle imprese
-- title_en: Enterprise churn
-- definition_it: Imprese nate e cessate nell'anno per cento imprese attive nello stesso anno
-- definition_en: Enterprises born and ceased in the year per hundred enterprises active in it
-- unit: PC
-- formula: birth rate + death rate
-- formula_it: tasso di natalità + tasso di mortalità
-- direction: none
-- directive: dexterity
-- proxy_for: dexterity
-- sources: bd_size_r3 V11920, V11930, V11910 to 2019; bd_hgnace_r ENT_BRTH_NR, ENT_DTH_NR, ENT_NR from 2021
-- sources_it: bd_size_r3 V11920, V11930, V11910 fino al 2019; bd_hgnace_r ENT_BRTH_NR, ENT_DTH_NR, ENT_NR dal 2021
-- counts: numerator
-- interval: poisson
-- provisional_periods: 2
select geo, period, (births + deaths) / nullif(active, 0) * 100 as value, births + deaths as numerator, active as denominator,
       [births_input, deaths_input, active_input] as inputs
from demography where births_input is not null and deaths_input is not null and active_input is not null;

-- id: enterprise_net_turnover
-- title_it: Tasso netto di turnover delle imprese
-- title_en: Enterprise net turnover
-- definition_it: Imprese nate meno imprese cessate nell'anno, per cento imprese attive
-- definition_en: Enterprises born less enterprises ceased in the year, per hundred active enterprises
-- unit: PC
-- formula: birth rate - death rate
-- formula_it: tasso di natalità - tasso di mortalità
-- direction: up
-- sources: bd_size_r3 V11920, V11930, V11910 to 2019; bd_hgnace_r ENT_BRTH_NR, ENT_DTH_NR, ENT_NR from 2021
-- sources_it: bd_size_r3 V11920, V11930, V11910 fino al 2019; bd_hgnace_r ENT_BRTH_NR, ENT_DTH_NR, ENT_NR dal 2021
-- counts: none
-- interval: none
-- provisional_periods: 2
select geo, period, (births - deaths) / nullif(active, 0) * 100 as value, births - deaths as numerator, active as denominator,
       [births_input, deaths_input, active_input] as inputs
from demography where births_input is not null and deaths_input is not null and active_input is not null;

-- id: enterprise_net_growth
-- title_it: Crescita netta delle imprese attive
-- title_en: Net growth of active enterprises
-- definition_it: Variazione percentuale delle imprese attive sull'anno precedente; non è nascite meno cessazioni
-- definition_en: Change in the number of active enterprises since the year before, in percent; not births less deaths
-- unit: PC
-- formula: (active - active of the year before) / active of the year before x 100
-- formula_it: (attive - attive dell'anno prima) / attive dell'anno prima x 100
-- direction: up
-- sources: bd_size_r3 V11910 to 2020; bd_hgnace_r ENT_NR from 2021
-- sources_it: bd_size_r3 V11910 fino al 2020; bd_hgnace_r ENT_NR dal 2021
-- counts: none
-- interval: none
-- provisional_periods: 2
select a.geo, a.period, (a.active - b.active) / nullif(b.active, 0) * 100 as value, a.active - b.active as numerator,
       b.active as denominator, [a.active_input, b.active_input] as inputs
from demography a
join demography b on b.dataset = a.dataset and b.geo = a.geo and b.period = (a.period::int - 1)::varchar
                 and b.active_segment = a.active_segment;

-- id: enterprise_survival_3y
-- title_it: Sopravvivenza delle imprese a tre anni
-- title_en: Three-year survival of enterprises
-- definition_it: Imprese nate tre anni prima e ancora attive, per cento imprese nate in quell'anno
-- definition_en: Enterprises born three years before and still active, per hundred enterprises born in that year
-- unit: PC
-- formula: survivors / births of three years before x 100
-- formula_it: sopravviventi / nascite di tre anni prima x 100
-- direction: up
-- directive: sustainability
-- proxy_for: sustainability
-- sources: bd_size_r3 V11943, V11920 to 2020; bd_hgnace_r ENT_SRVL_Y3_NR, ENT_BRTH_NR from 2024
-- sources_it: bd_size_r3 V11943, V11920 fino al 2020; bd_hgnace_r ENT_SRVL_Y3_NR, ENT_BRTH_NR dal 2024
-- counts: numerator
-- interval: wilson
select a.geo, a.period, a.survivors / nullif(b.births, 0) * 100 as value, a.survivors as numerator, b.births as denominator,
       [a.survivors_input, b.births_input] as inputs
from demography a
join demography b on b.dataset = a.dataset and b.geo = a.geo and b.period = (a.period::int - 3)::varchar
                 and b.births_segment = a.births_segment
where a.survivors_input is not null and b.births_input is not null;

-- id: births_per_10k_residents
-- title_it: Nascite d'impresa per 10.000 residenti di 15-64 anni
-- title_en: Enterprise births per 10,000 residents aged 15-64
-- definition_it: Imprese nate nell'anno per 10.000 residenti di 15-64 anni al 1° gennaio
-- definition_en: Enterprises born in the year per 10,000 residents aged 15-64 on 1 January
-- unit: PER_10THS_HAB
-- formula: births / population 15-64 x 10,000
-- formula_it: nascite / popolazione 15-64 x 10.000
-- direction: up
-- sources: bd_size_r3 V11920 to 2020, bd_hgnace_r ENT_BRTH_NR from 2021; demo_r_pjanaggr3 sex T, age Y15-64
-- sources_it: bd_size_r3 V11920 fino al 2020, bd_hgnace_r ENT_BRTH_NR dal 2021; demo_r_pjanaggr3 sex T, age Y15-64
-- counts: numerator
-- interval: poisson
select b.geo, b.period, b.births / nullif(p.value, 0) * 10000 as value, b.births as numerator, p.value as denominator,
       [b.births_input, p.input] as inputs
from demography b
join observations p on p.geo = b.geo and p.period = b.period
where p.dataset = 'demo_r_pjanaggr3' and p.sex = 'T' and p.age = 'Y15-64' and b.births_input is not null;

-- id: high_growth_share
-- title_it: Quota di imprese ad alta crescita
-- title_en: Share of high-growth enterprises
-- definition_it: Imprese con crescita media annua dei dipendenti oltre il 10 % in tre anni, per cento imprese con almeno 10 dipendenti
-- definition_en: Enterprises whose employees grew by more than 10 % a year over three years, per hundred with at least 10 employees
-- unit: PC
-- formula: high-growth enterprises / active enterprises with at least 10 employees x 100, as the provider publishes it
-- formula_it: imprese ad alta crescita / imprese attive con almeno 10 dipendenti x 100, come pubblicato dal fornitore
-- direction: up
-- sources: bd_hgnace_r ENT_HGRWR_PC, ENT_HGRW_NR
-- counts: numerator
-- interval: none
select r.geo, r.period, r.value, n.value as numerator, null as denominator,
       case when n.input is null then [r.input] else [r.input, n.input] end as inputs
from observations r
left join observations n on n.dataset = 'bd_hgnace_r' and n.nace_r2 = 'B-S_X_O_S94' and n.indicator = 'ENT_HGRW_NR'
                        and n.geo = r.geo and n.period = r.period
where r.dataset = 'bd_hgnace_r' and r.nace_r2 = 'B-S_X_O_S94' and r.indicator = 'ENT_HGRWR_PC' and r.period >= '2021';

-- id: persons_employed_active
-- title_it: Addetti delle imprese attive
-- title_en: Persons employed in active enterprises
-- definition_it: Addetti (dipendenti e indipendenti) delle imprese attive nell'anno, per sede dell'impresa
-- definition_en: Persons employed (employees and self-employed) in the enterprises active in the year, by seat of the enterprise
-- theme: employment
-- unit: PER
-- formula: persons employed
-- formula_it: addetti
-- direction: up
-- sources: bd_size_r3 V16910 to 2020; bd_hgnace_r EMP_NR from 2021
-- sources_it: bd_size_r3 V16910 fino al 2020; bd_hgnace_r EMP_NR dal 2021
-- counts: numerator
-- interval: none
select geo, period, employed as value, employed as numerator, null as denominator, [employed_input] as inputs
from demography where employed_input is not null;

-- id: persons_employed_births
-- title_it: Addetti delle imprese nate
-- title_en: Persons employed in newly born enterprises
-- definition_it: Addetti (dipendenti e indipendenti) delle imprese nate nell'anno, per sede dell'impresa
-- definition_en: Persons employed (employees and self-employed) in the enterprises born in the year, by seat of the enterprise
-- theme: employment
-- unit: PER
-- formula: persons employed in births
-- formula_it: addetti delle imprese nate
-- direction: up
-- sources: bd_size_r3 V16920 to 2020; bd_hgnace_r EMP_BRTH_NR from 2021
-- sources_it: bd_size_r3 V16920 fino al 2020; bd_hgnace_r EMP_BRTH_NR dal 2021
-- counts: numerator
-- interval: none
select geo, period, employed_births as value, employed_births as numerator, null as denominator, [employed_births_input] as inputs
from demography where employed_births_input is not null;
