"""The tables of the studio's database, and the order in which its jobs run, in SQL."""

__all__ = ["COLUMNS", "QUEUE", "TABLES"]

TABLES = """
CREATE TABLE IF NOT EXISTS uploads (
    id TEXT PRIMARY KEY, user TEXT NOT NULL, kind TEXT NOT NULL, name TEXT NOT NULL, bytes INTEGER NOT NULL,
    facts TEXT NOT NULL, made REAL NOT NULL);
CREATE INDEX IF NOT EXISTS uploads_of ON uploads (user, made);
CREATE TABLE IF NOT EXISTS jobs (
    number INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT UNIQUE NOT NULL, user TEXT NOT NULL, kind TEXT NOT NULL,
    title TEXT NOT NULL, request TEXT NOT NULL, status TEXT NOT NULL, wish TEXT NOT NULL DEFAULT '',
    progress TEXT NOT NULL DEFAULT '{}', message TEXT NOT NULL DEFAULT '', result TEXT NOT NULL DEFAULT '',
    bytes INTEGER NOT NULL DEFAULT 0, tries INTEGER NOT NULL DEFAULT 0, made REAL NOT NULL, started REAL, ended REAL,
    worker TEXT NOT NULL DEFAULT '', device TEXT NOT NULL DEFAULT '');
CREATE INDEX IF NOT EXISTS jobs_of ON jobs (user, number);
CREATE INDEX IF NOT EXISTS jobs_begun ON jobs (user, started);
CREATE INDEX IF NOT EXISTS jobs_in ON jobs (status, number);
CREATE TABLE IF NOT EXISTS keys (
    user TEXT NOT NULL, key TEXT NOT NULL, digest TEXT NOT NULL, made_id TEXT NOT NULL, made REAL NOT NULL,
    PRIMARY KEY (user, key));
CREATE TABLE IF NOT EXISTS webhooks (
    job TEXT PRIMARY KEY, url TEXT NOT NULL, tries INTEGER NOT NULL DEFAULT 0, due REAL NOT NULL DEFAULT 0,
    told REAL NOT NULL DEFAULT 0);
CREATE TABLE IF NOT EXISTS sessions (token TEXT PRIMARY KEY, user TEXT NOT NULL, ends REAL NOT NULL);
"""
COLUMNS = {"worker": "TEXT NOT NULL DEFAULT ''", "device": "TEXT NOT NULL DEFAULT ''"}  # of jobs, since version 0.2
# Waiting jobs in the order in which they will run: users take turns, each with their oldest job, and whoever has fewer
# jobs running goes first. `{}` is a further condition.
QUEUE = """
SELECT number FROM (
    SELECT number, row_number() OVER (PARTITION BY user ORDER BY number) AS turn,
        (SELECT count(*) FROM jobs AS any WHERE any.user = jobs.user AND any.status = 'running') AS running,
        (SELECT max(started) FROM jobs AS any WHERE any.user = jobs.user) AS served
    FROM jobs WHERE status = 'waiting' AND {})
ORDER BY turn, running, served NULLS FIRST, number"""
