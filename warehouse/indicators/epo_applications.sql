-- title_it: Domande di brevetto presentate all'EPO
-- title_en: Patent applications to the EPO
-- definition_it: Domande per anno di priorità e residenza dell'inventore, conteggio frazionario
-- definition_en: Applications by priority year and inventor's residence, fractional count
-- unit: NR
-- formula: sum over applications of the share of inventors resident in the region
-- theme: patents
-- directive: talents
-- direction: up
-- sources: pat_ep_rtot NR
-- counts: numerator
select geo, period, value, value as numerator, null as denominator, [input] as inputs
from observations where dataset = 'pat_ep_rtot' and unit = 'NR'
