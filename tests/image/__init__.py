"""The box as an image, booted in an emulated ARM machine on a virtual LAN: `make image-test`. Minutes, not seconds."""
