"""What only measures: speed, memory, and other recognisers beside this one."""
