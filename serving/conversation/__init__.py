"""When a statement leaves open what is meant, and what is asked then. Rules by numbers: no language model."""
