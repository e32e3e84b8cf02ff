"""The planner `model`: plain words in, a plan out, by a language model whose drafts are checked like everybody's."""
