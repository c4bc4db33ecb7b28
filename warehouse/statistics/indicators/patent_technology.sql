-- theme: patents
-- source_kind: register
-- directive: talents
-- relevance: sector
-- complete_until: 2010
-- unit: PC
-- counts: numerator
-- pitfalls: Classes H01, B81 and B82 stand for micro and nano systems: H01 holds more than semiconductors. Five years pooled, since a region has a few a year. 2011 and 2012 are truncated. The table is frozen: what moved from H01L to H10 in 2023 is not concerned.
-- pitfalls_it: Le classi H01, B81 e B82 stanno per micro e nano sistemi: H01 contiene più dei semiconduttori. Cinque anni uniti, perché una regione ne ha pochi l'anno. Il 2011 e il 2012 sono troncati. La tavola è chiusa: il passaggio da H01L a H10 del 2023 non la riguarda.
create or replace temp table technology_pooled as
with yearly as (
    select geo, period, sum(value order by ipc) filter (ipc <> 'IPC') as micro, any_value(value) filter (ipc = 'IPC') as every,
           list(input order by ipc) as inputs,
           max(segment) as segment, bool_or(contains(coalesce(flag, ''), 'b')) as broken
    from observations
    where dataset = 'pat_ep_ripc' and unit = 'NR' and (ipc = 'IPC' or ipc = 'H01' or ipc = 'B81' or ipc = 'B82') and value is not null
    group by geo, period having every is not null
), unbroken as (
    select * exclude (segment, broken), segment + count(*) filter (broken) over (partition by geo order by period) as segment from yearly
), spans as (
    select geo, period, count(*) over y as years, sum(micro) over y as micro, sum(every) over y as every, list(inputs) over y as inputs
    from unbroken window y as (partition by geo, segment order by period::int range between 4 preceding and current row)
)
select geo, period, coalesce(round(micro, 6), 0) as micro, round(every, 6) as every, flatten(inputs) as inputs
from spans where years = 5;

-- id: micro_nano_share_5y
-- title_it: Quota di brevetti in micro e nano tecnologie, cinque anni
-- title_en: Share of micro and nano technologies in patents, five years
-- definition_it: Domande all'EPO nelle classi H01, B81 e B82 per cento domande, cinque anni
-- definition_en: Applications to the EPO in classes H01, B81 and B82 per hundred applications, five years
-- formula: applications in H01, B81, B82 of t-4 to t / all applications of t-4 to t x 100
-- formula_it: domande in H01, B81, B82 da t-4 a t / tutte le domande da t-4 a t x 100
-- direction: up
-- sources: pat_ep_ripc NR, ipc H01, B81, B82 and IPC
-- sources_it: pat_ep_ripc NR, ipc H01, B81, B82 e IPC
-- interval: none
select geo, period, micro / nullif(every, 0) * 100 as value, micro as numerator, every as denominator, inputs from technology_pooled;

-- id: micro_nano_advantage_5y
-- title_it: Vantaggio tecnologico rivelato in micro e nano tecnologie, cinque anni
-- title_en: Revealed technology advantage in micro and nano technologies, five years
-- definition_it: Quota della regione nelle classi H01, B81 e B82 divisa per quella del suo paese; 1 vuol dire pari
-- definition_en: Share of classes H01, B81 and B82 in the region divided by that in its country; 1 means equal
-- unit: RATIO
-- formula: (P_ri / P_r) / (P_i / P), five years
-- formula_it: (P_ri / P_r) / (P_i / P), cinque anni
-- direction: up
-- sources: pat_ep_ripc NR, ipc H01, B81, B82 and IPC
-- sources_it: pat_ep_ripc NR, ipc H01, B81, B82 e IPC
-- interval: none
select r.geo, r.period, (r.micro / nullif(r.every, 0)) / nullif(c.micro / nullif(c.every, 0), 0) as value, r.micro as numerator,
       r.every as denominator, case when r.geo = c.geo then r.inputs else r.inputs || c.inputs end as inputs
from technology_pooled r join technology_pooled c on c.geo = left(r.geo, 2) and c.period = r.period;
