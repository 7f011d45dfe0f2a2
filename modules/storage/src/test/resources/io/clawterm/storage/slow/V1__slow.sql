-- Takes longer than the answer time-out of the test that runs it.
SELECT pg_sleep(2.5);
CREATE TABLE clawterm.slow AS SELECT 2.5 AS waited;
