-- title_it: Domande di brevetto EPO per milione di abitanti
-- title_en: EPO patent applications per million inhabitants
-- definition_it: Domande all'EPO per milione di abitanti al 1° gennaio, come pubblicate dal fornitore
-- definition_en: Applications to the EPO per million inhabitants on 1 January, as the provider publishes them
-- unit: P_MHAB
-- formula: applications / population x 1,000,000
-- theme: patents
-- directive: talents
-- direction: up
-- sources: pat_ep_rtot P_MHAB
-- counts: none
select geo, period, value, null as numerator, null as denominator, [input] as inputs
from observations where dataset = 'pat_ep_rtot' and unit = 'P_MHAB'
