import torch

from lga.anatomy.anatomize import anatomize
from lga.anatomy.schema import word_stages
from lga.config import BackboneConfig
from lga.features.cache import FeatureCache
from lga.features.extract import encode_names, encode_stages
from lga.model.pretrained import load_pretrained


def test_every_stage_and_name_stands_where_its_label_does():
    backbone, cache = load_pretrained(BackboneConfig(backbone="tiny")).backbone, FeatureCache(None)
    anatomies = [anatomize(label) for label in ("golf", "jump")]
    stages, names = encode_stages(anatomies, "stages", backbone, cache), encode_names(anatomies, backbone, cache)
    for number, anatomy in enumerate(anatomies):
        torch.testing.assert_close(stages[number], backbone.encode_text(anatomy.sentences))
        torch.testing.assert_close(names[number], backbone.encode_text(word_stages(anatomy, "label")[:1])[0])
