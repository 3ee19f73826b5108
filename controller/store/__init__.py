"""SQLite or PostgreSQL: the journal, leases, audit, quarantines. Holds only what git cannot."""
