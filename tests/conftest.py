"""What holds for the whole suite, before anything is imported."""

import os

# Whoever imports LiteLLM first, a test's own `import litellm` included, must not make it fetch its price map.
os.environ.setdefault("LITELLM_LOCAL_MODEL_COST_MAP", "True")
