-- The ledger of targets is whole, and still holds every entry that the last release showed (warehouse/targets/ledger.py).
-- judged: from target_ledger
select problem from broken_links
