-- The figures of METRICS.md for the rows of one level and period, in SQL: an independent computation over the CSV's own
-- rows, sharing nothing with the aggregator. Placeholders: :from, :to (ms), :depth (1 module, 2 topic), :slice (ms).
-- Tables: event(time, learner, content, kind, value); plan(row, pos, expected_ms).

CREATE TEMP TABLE fact AS -- distinct opens and clipped slices, with their row
SELECT DISTINCT learner, content,
       CASE :depth WHEN 1 THEN CASE instr(content, '/') WHEN 0 THEN content ELSE substr(content, 1, instr(content, '/') - 1) END
                   ELSE content END AS row,
       kind, time AS start, CASE kind WHEN 'open' THEN time ELSE time + min(value, :slice) END AS stop
FROM event
WHERE kind IN ('open', 'dwell') AND (:depth = 1 OR instr(content, '/') > 0);

CREATE TEMP TABLE act AS -- activity in the period
SELECT learner, row, content, kind, max(start, :from) AS start, min(stop, :to) AS stop
FROM fact
WHERE (kind = 'open' AND start >= :from AND start < :to) OR (kind = 'dwell' AND start < :to AND stop > :from);

CREATE TEMP TABLE ever AS SELECT DISTINCT learner, row FROM fact WHERE start < :to;

CREATE TEMP TABLE dwell AS -- the union of the slices, by learner and row
WITH reach AS (
  SELECT learner, row, start, stop,
         max(stop) OVER (PARTITION BY learner, row ORDER BY start, stop ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS before
  FROM act WHERE kind = 'dwell')
SELECT learner, row, sum(max(0, stop - max(start, coalesce(before, start)))) AS ms FROM reach GROUP BY learner, row;

CREATE TEMP TABLE visit AS -- a visit begins where more than 30 minutes lie between
WITH reach AS (
  SELECT learner, row, start,
         max(stop) OVER (PARTITION BY learner, row ORDER BY start, stop ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS before
  FROM act)
SELECT learner, row, sum(before IS NULL OR start - before > 1800000) AS visits FROM reach GROUP BY learner, row;

CREATE TEMP TABLE person AS -- one learner in one row
SELECT a.learner, a.row,
       sum(a.kind = 'open') AS opens,
       max(CASE a.kind WHEN 'open' THEN a.start END) - min(CASE a.kind WHEN 'open' THEN a.start END) AS spread,
       max(a.stop) AS last
FROM act a GROUP BY a.learner, a.row;

CREATE TEMP TABLE far AS SELECT e.learner, max(p.pos) AS ever_pos FROM ever e JOIN plan p USING (row) GROUP BY e.learner;
CREATE TEMP TABLE farp AS SELECT e.learner, max(p.pos) AS period_pos FROM person e JOIN plan p USING (row) GROUP BY e.learner;
CREATE INDEX ever_index ON ever (row, learner);

CREATE TEMP TABLE base AS
SELECT pl.row, pl.pos, pl.expected_ms,
       count(*) AS learners,
       sum(pe.opens) AS opens,
       sum(pe.opens > 0) AS open_learners,
       sum(coalesce(pe.spread, 0) > 1800000) AS reopened,
       sum(coalesce(d.ms, 0) > 0) AS dwell_learners,
       sum(coalesce(d.ms, 0)) AS ms,
       max(coalesce(d.ms, 0)) AS greatest,
       sum(coalesce(d.ms, 0) > 1.5 * pl.expected_ms) AS over,
       sum(pe.last <= :to - 14 * 86400000) AS drop_base,
       sum(pe.last <= :to - 14 * 86400000 AND f.ever_pos = pl.pos) AS dropped
FROM plan pl JOIN person pe USING (row)
LEFT JOIN dwell d ON d.row = pe.row AND d.learner = pe.learner
JOIN far f ON f.learner = pe.learner
GROUP BY pl.row;

CREATE TEMP TABLE skip AS
SELECT pl.row, count(*) AS skip_base,
       sum(NOT EXISTS (SELECT 1 FROM ever e WHERE e.row = pl.row AND e.learner = fp.learner)) AS skipped
FROM plan pl JOIN farp fp ON fp.period_pos > pl.pos GROUP BY pl.row;
