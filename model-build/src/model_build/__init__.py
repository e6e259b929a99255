"""Language model weights to a folder that WebLLM loads: 4-bit shards, WebGPU libraries, chat config, tokenizer and hashes."""
