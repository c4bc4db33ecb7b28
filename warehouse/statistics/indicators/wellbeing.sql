-- theme: patents
-- source_kind: register
-- directive: talents
-- relevance: whole_economy
-- counts: none
-- interval: none
-- direction: up
-- pitfalls: Another source, count and date than pat_ep_rtot: never one series with it. Each edition computes all years anew, and the last ones are provisional and low. What the codes measure was read in a third party's copy.
-- pitfalls_it: Fonte, conteggio e data diversi da pat_ep_rtot: mai una serie sola. Ogni edizione ricalcola tutti gli anni, e gli ultimi sono provvisori e bassi. Che cosa misurano i codici è stato letto in una copia di terzi.

-- id: patent_propensity
-- count_from: population
-- incomplete_periods: 2
-- title_it: Propensione alla brevettazione (Bes dei territori)
-- title_en: Propensity to patent (well-being of territories)
-- definition_it: Domande all'EPO per milione di abitanti, per residenza dell'inventore, come pubblicate dall'ISTAT
-- definition_en: Applications to the EPO per million inhabitants by residence of the inventor, as ISTAT publishes them
-- unit: P_MHAB
-- formula: applications / population x 1,000,000, as the provider publishes it
-- formula_it: domande / popolazione x 1.000.000, come pubblicato dal fornitore
-- provisional_periods: 2
-- sources: istat_bes_territ_11 11RIC002
select geo, period, value, null as numerator, null as denominator, [input] as inputs
from observations where dataset = 'istat_bes_territ_11' and indicator = '11RIC002' and sex = 'T';

-- id: graduate_mobility
-- title_it: Mobilità dei laureati italiani di 25-39 anni
-- title_en: Mobility of Italian graduates aged 25-39
-- definition_it: Saldo tra laureati in arrivo e in partenza per mille laureati residenti della stessa età
-- definition_en: Graduates who move in less those who move out, per thousand resident graduates of the same age
-- theme: employment
-- unit: PER_1000
-- formula: (arrivals - departures) / resident graduates x 1,000, as the provider publishes it
-- formula_it: (arrivi - partenze) / laureati residenti x 1.000, come pubblicato dal fornitore
-- sources: istat_bes_territ_11 11RIC025
select geo, period, value, null as numerator, null as denominator, [input] as inputs
from observations where dataset = 'istat_bes_territ_11' and indicator = '11RIC025' and sex = 'T';
