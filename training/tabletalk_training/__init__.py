"""Makes Tabletalk's students: reads the examples that the TypeScript side wrote, writes Hugging Face folders that model-build reads."""
