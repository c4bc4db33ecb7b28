-- Dagster's runs and events, beside the lake in the database `distretto`
create database dagster;
