"""The archives of OpenSLR: index, verification, and their conversion to Parquet in the schema of the Hub."""
