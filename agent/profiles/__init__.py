"""The shipped profiles, as YAML files beside this one."""
