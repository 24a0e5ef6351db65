"""The paper: windows, sampler, denoiser, coherence, and Algorithm 1 over them."""
