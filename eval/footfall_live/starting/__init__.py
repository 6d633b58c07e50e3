"""What is started over a folder: scenarios written, ``footfall`` commands begun and stopped."""
