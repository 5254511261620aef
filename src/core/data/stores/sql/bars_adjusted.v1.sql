-- bars_adjusted, version 1: raw bars adjusted for splits (split_*) and for splits and dividends (total_*) that have gone
-- ex by now, as adjustBars() does: a split of ratio r makes earlier prices 1/r, a dividend d makes them (1 - d/c), where c
-- is the last close before the ex-session. Filter ts and instrument.
WITH steps AS (
  SELECT A.series, A.type, A.value, S.time,
    (SELECT ARRAY_AGG(B.close ORDER BY B.ts DESC LIMIT 1)[OFFSET(0)] FROM `{dataset}`.bars B
     WHERE B.series = A.series AND B.superseded_in IS NULL AND B.ts < S.time
       AND B.ts >= TIMESTAMP '1800-01-01 00:00:00+00') AS before_ex
  FROM `{dataset}`.actions A
  JOIN `{dataset}`.sessions S ON S.calendar = 'XNYS' AND S.date = A.date
  WHERE S.time >= TIMESTAMP '1900-01-01 00:00:00+00' AND A.time >= TIMESTAMP '1900-01-01 00:00:00+00'
    AND S.time <= CURRENT_TIMESTAMP()
),
factors AS (
  SELECT B.series, B.ts,
    EXP(SUM(IF(T.type = 'split', -LN(T.value), 0))) AS split,
    EXP(SUM(CASE WHEN T.type = 'split' THEN -LN(T.value)
                 WHEN T.type = 'dividend' AND T.before_ex IS NOT NULL THEN LN(1 - T.value / T.before_ex)
                 ELSE 0 END)) AS total,
    EXP(SUM(IF(T.type = 'split', LN(T.value), 0))) AS shares
  FROM `{dataset}`.bars B
  JOIN steps T ON T.series = B.series AND T.time > B.ts
  WHERE B.superseded_in IS NULL AND B.ts >= TIMESTAMP '1800-01-01 00:00:00+00'
  GROUP BY 1, 2
)
SELECT
  B.series, B.instrument, B.source, B.feed, B.scope, B.`interval`, B.ts,
  B.open * IFNULL(F.split, 1) AS split_open, B.high * IFNULL(F.split, 1) AS split_high,
  B.low * IFNULL(F.split, 1) AS split_low, B.close * IFNULL(F.split, 1) AS split_close,
  B.open * IFNULL(F.total, 1) AS total_open, B.high * IFNULL(F.total, 1) AS total_high,
  B.low * IFNULL(F.total, 1) AS total_low, B.close * IFNULL(F.total, 1) AS total_close,
  B.volume * IFNULL(F.shares, 1) AS volume
FROM `{dataset}`.bars B
LEFT JOIN factors F ON F.series = B.series AND F.ts = B.ts
WHERE B.superseded_in IS NULL
