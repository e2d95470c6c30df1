import pytest
import torch
import torch.nn.functional as F
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss

from lga.methods.linear import STRENGTHS, linear

pytestmark = pytest.mark.usefixtures("one_thread")


def fit(clips, support_label, strength):
    return LogisticRegression(C=strength, fit_intercept=False, tol=1e-7, max_iter=10_000).fit(clips, support_label)


def held_out_loss(clips, shots, strength):
    """Fold f holds the f-th example of every class."""
    support_label, fold = torch.arange(3).repeat_interleave(shots), torch.arange(shots).repeat(3)
    losses = []
    for one in range(shots):
        model = fit(clips[fold != one], support_label[fold != one], strength)
        losses.append(log_loss(support_label[fold == one], model.predict_proba(clips[fold == one]), labels=[0, 1, 2]))
    return sum(losses)


@pytest.mark.parametrize("shots", [1, 3])
def test_it_is_scikit_learns_solution_with_the_strength_that_folds_choose(shots, make_dataset, make_tasks):
    dataset = make_dataset(1)
    dataset.frames[..., :7] += 2 * torch.eye(7, dtype=torch.float64)[dataset.label][:, None]
    tasks = make_tasks(dataset, 2, episodes=2, shots=shots)
    found = linear(dataset)(tasks)
    clips = F.normalize(dataset.frames[..., :11].mean(1), dim=-1).numpy()
    for episode in range(2):
        shown, asked = clips[tasks.support[episode].flatten()], clips[tasks.query[episode].flatten()]
        support_label = torch.arange(3).repeat_interleave(shots)
        best = 10.0 if shots == 1 else min(STRENGTHS, key=lambda one: held_out_loss(shown, shots, one))
        wanted = torch.from_numpy(fit(shown, support_label, best).decision_function(asked))
        torch.testing.assert_close(found[episode], wanted, rtol=1e-4, atol=1e-4)
