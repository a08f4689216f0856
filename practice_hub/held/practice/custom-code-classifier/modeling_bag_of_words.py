"""A text classifier that averages word vectors. This file is the repo's own code: read it first.

transformers downloads and imports it only if you pass ``trust_remote_code=True``.
"""

import torch
from transformers import PreTrainedConfig, PreTrainedModel
from transformers.modeling_outputs import SequenceClassifierOutput


class BagOfWordsConfig(PreTrainedConfig):
    model_type = "practice-bag-of-words"

    vocab_size: int = 1024
    hidden_size: int = 64
    pad_token_id: int | None = 0


class BagOfWordsForSequenceClassification(PreTrainedModel):
    config_class = BagOfWordsConfig

    def __init__(self, config: BagOfWordsConfig) -> None:
        super().__init__(config)
        self.embedding = torch.nn.Embedding(config.vocab_size, config.hidden_size)
        self.dense = torch.nn.Linear(config.hidden_size, config.hidden_size)
        self.classifier = torch.nn.Linear(config.hidden_size, config.num_labels)
        self.post_init()

    def forward(
        self,
        input_ids: torch.Tensor,
        attention_mask: torch.Tensor | None = None,
        labels: torch.Tensor | None = None,
        **kwargs: object,
    ) -> SequenceClassifierOutput:
        """Average the vectors of the words that are not padding, then choose a label."""
        if attention_mask is None:
            attention_mask = torch.ones_like(input_ids)
        is_word = attention_mask.unsqueeze(-1).to(self.embedding.weight.dtype)
        mean = (self.embedding(input_ids) * is_word).sum(1) / is_word.sum(1).clamp(min=1)
        logits = self.classifier(torch.relu(self.dense(mean)))
        loss = None
        if labels is not None:
            loss = torch.nn.functional.cross_entropy(logits.float(), labels)
        return SequenceClassifierOutput(loss=loss, logits=logits)
