"""What every other part stands on: errors, ages, files, messages, tables, weeks, the executor."""
