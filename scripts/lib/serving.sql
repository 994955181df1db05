-- What scripts/try-serving has Flink's SQL client run; @DIR@ is its directory.
SET 'sql-client.execution.result-mode' = 'tableau';
SET 'parallelism.default' = '1';

-- the newest release that the ledger covers
CREATE MODEL birds
INPUT (prompt STRING)
OUTPUT (answer STRING, `release` STRING, epsilon DOUBLE)
WITH (
  'provider' = 'murmuration',
  'releases' = '@DIR@/releases',
  'ledger.file' = '@DIR@/ledger',
  'model' = '@DIR@/base-model',
  'max-new-tokens' = '16'
);

CREATE VIEW prompts AS
SELECT * FROM (VALUES ('has anyone'), ('how do i'), ('thanks for')) AS t (prompt);

SELECT * FROM ML_PREDICT(TABLE prompts, MODEL birds, DESCRIPTOR(prompt));

-- a copy of the same store: of the newest release somebody has changed the last byte of the weights
CREATE MODEL tampered
INPUT (prompt STRING)
OUTPUT (answer STRING, `release` STRING, epsilon DOUBLE)
WITH (
  'provider' = 'murmuration',
  'releases' = '@DIR@/tampered',
  'ledger.file' = '@DIR@/ledger',
  'model' = '@DIR@/base-model',
  'max-new-tokens' = '16'
);

SELECT * FROM ML_PREDICT(TABLE prompts, MODEL tampered, DESCRIPTOR(prompt));
