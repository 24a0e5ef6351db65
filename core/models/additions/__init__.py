"""What users add to a model: LoRAs, words learned by textual inversion, another VAE."""
