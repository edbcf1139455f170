"""The model server: what runs inside the process of one endpoint instance."""
