"""Files of rows, versions of tables, and the staging area."""
