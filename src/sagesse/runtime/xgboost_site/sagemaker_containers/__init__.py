"""What example scripts of the XGBoost image import; its modules are only named by them, so nothing is in it."""
