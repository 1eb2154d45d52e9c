"""A file that says which deployments there shall be, and what has to change for it: `mainspring apply`."""
