"""The paper's evaluation: every method, every metric, every table, by one command. Not in the extension's zip."""
