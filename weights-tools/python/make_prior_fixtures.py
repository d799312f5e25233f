"""Golden fixtures of priors that the sets of make_dialect_fixtures.py leave out: further versions, options and samplers.

    DALLE2_REPO=<clone of lucidrains/DALLE2-pytorch> DALLE2_SITE=<folders of packages, ':' between> \
        python make_prior_fixtures.py OUT [--only PREFIX]

As in make_dialect_fixtures.py each case runs the unchanged source of its version, from the last commit that bore it. Models are made by their
constructors, not by train_configs. A sampling case without in.mask was run without one; its candidates differ enough for rounding not to choose.
"""
import argparse, re

import torch
from torch import nn

import make_dialect_fixtures as dialects

BATCH, DIM = 2, 32
NET = dict(dim=DIM, depth=1, dim_head=16, heads=2, max_text_len=12)
GUIDED = dict(num_samples_per_batch=2, cond_scale=2.)
PLAIN = dict(num_samples_per_batch=2, cond_scale=1.)

# name: options of the network, how it is called
NETS = {
    '0.11.5-prior-net-no-text': (dict(num_timesteps=50), dict(text=False)),
    '0.16.9-prior-net-time': (dict(), dict(times=[1, 355])),
    '0.21.1-prior-net-no-mask': (dict(num_timesteps=50), dict(mask=False)),
    '0.23.2-prior-net-many': (dict(num_timesteps=50, num_time_embeds=2, num_image_embeds=3, num_text_embeds=2, normformer=True, norm_in=True), dict()),
    '1.9.0-prior-net-self': (dict(num_timesteps=50, self_cond=True, num_image_embeds=2), dict(self_cond=True)),
    '1.12.1-prior-net-self': (dict(num_timesteps=50, self_cond=True, num_image_embeds=2), dict(self_cond=True)),
}
# name: options of the network, of the prior, of sample(), whether with a mask
DDPM, DDIM = dict(timesteps=12), dict(timesteps=40, sample_timesteps=6)
SAMPLES = {
    '0.5.1-prior-sample-guided': (dict(num_timesteps=12), DDPM, GUIDED, True),
    '0.10.1-prior-sample-no-mask': (dict(num_timesteps=12), DDPM, GUIDED, False),
    '0.19.1-prior-sample-ddim': (dict(num_timesteps=40), DDIM, PLAIN, True),
    '0.20.0-prior-sample-clamped': (dict(num_timesteps=40), dict(DDIM, sampling_clamp_l2norm=True, image_embed_scale=2.), PLAIN, True),
    '0.23.2-prior-sample-guided': (dict(num_timesteps=40), DDIM, GUIDED, False),
    '0.25.1-prior-sample-eps': (dict(num_timesteps=40), dict(DDIM, predict_x_start=False), PLAIN, False),
    '1.6.1-prior-sample-self': (dict(num_timesteps=6, self_cond=True), dict(timesteps=6), GUIDED, False),
    '1.6.3-prior-sample-self': (dict(num_timesteps=6, self_cond=True), dict(timesteps=6), GUIDED, False),
    '1.8.3-prior-sample-time': (dict(), dict(DDIM, predict_x_start=False), PLAIN, False),
    '1.10.5-prior-sample-clamped': (dict(num_timesteps=40), dict(DDIM, sampling_clamp_l2norm=True, image_embed_scale=2.), PLAIN, False),
    '1.11.2-prior-sample-eps': (dict(num_timesteps=40), dict(DDIM, predict_x_start=False), PLAIN, False),
}


def commits():
    """{version: last commit that carries it}; before 0.6.2 only setup.py has the version."""
    found = {}
    for commit in dialects.git('rev-list', '--first-parent', '--reverse', 'HEAD').split():
        for file in ('dalle2_pytorch/version.py', 'setup.py'):
            try:
                text = dialects.git('show', f'{commit}:{file}')
            except Exception:
                continue
            match = re.search(r"version(?:__)?\s*=\s*'([0-9][0-9.]*)'", text)
            if match:
                found[match[1]] = commit
                break
    return found


def network(m, version, options, seed):
    args = {**NET, **options}
    if not dialects.takes(m.DiffusionPriorNetwork.__init__, 'max_text_len'):
        args.pop('max_text_len')
    return args, dialects.lively_prior(m.DiffusionPriorNetwork(**args), seed, version)


def conditions(version, g):
    encodings, mask, takes_mask, _ = dialects.prior_text_inputs(version, g)
    return nn.functional.normalize(torch.randn(BATCH, DIM, generator=g), dim=-1), encodings, mask, takes_mask


def net_case(k, m, name, version, commit, options, text=True, mask=True, self_cond=False, times=(3, 41)):
    g = torch.Generator().manual_seed(k.seed)
    embed, encodings, given, takes_mask = conditions(version, g)
    io = {'in.image_embed': torch.randn(BATCH, DIM, generator=g), 'in.timesteps': torch.tensor(times), 'in.text_embed': embed}
    if text:
        io['in.text_encodings'] = encodings
    if text and mask and takes_mask:
        io['in.mask'] = given
    if self_cond:
        io['in.self_cond'] = torch.randn(BATCH, DIM, generator=g)
    args, net = network(m, version, options, k.seed + 1)
    keywords = ('text_embed', 'text_encodings', 'mask', 'self_cond')
    call = lambda: {name: io['in.' + name].clone() for name in keywords if 'in.' + name in io}
    with torch.no_grad():
        io['out.pred'] = net(io['in.image_embed'], io['in.timesteps'], **call())
        io['out.pred_cond_scale_2'] = net.forward_with_cond_scale(io['in.image_embed'], io['in.timesteps'], cond_scale=2., **call())
    info = {'version': version, 'commit': commit, 'layout': 'bare state dict of the network', 'net': args}
    k.write(name, 'prior-net', info, io, net.state_dict())


def sample_case(k, m, name, version, commit, options, prior, call, with_mask):
    embed, encodings, mask, takes_mask = conditions(version, torch.Generator().manual_seed(k.seed))
    args, net = network(m, version, options, k.seed + 1)
    prior = dict(image_embed_dim=DIM, cond_drop_prob=0.1, **prior)
    model = m.DiffusionPrior(net, **prior).eval()
    state = model.state_dict()
    io = {'in.text_embed': embed, 'in.text_encodings': encodings}
    if with_mask and takes_mask:
        io['in.mask'] = mask

    class Text:
        """Stands in for CLIP: token i is prompt i."""
        def embed_text(self, text):
            fields = [embed, encodings, mask if with_mask else None][:len(m.EmbeddedText._fields)]
            return m.EmbeddedText(*[field if field is None else field[text[:, 0]].clone() for field in fields])

    model.clip = Text()
    topk = torch.Tensor.topk
    for torch_seed in range(k.seed, k.seed + 60):
        similarities = []
        torch.Tensor.topk = lambda t, *a, **kw: similarities.append(t) or topk(t, *a, **kw)
        torch.manual_seed(torch_seed)
        try:
            with torch.no_grad():
                io['out.image_embed'] = model.sample(torch.arange(BATCH)[:, None], **call)
        finally:
            torch.Tensor.topk = topk
        best = similarities[-1].sort(dim=-1, descending=True).values
        if (best[:, 0] - best[:, 1]).min() > 1e-3:
            break
    else:
        raise AssertionError(name + ': the candidates are too much alike, rounding would choose')
    info = {'version': version, 'commit': commit, 'layout': 'bare state dict', 'torch_seed': torch_seed, 'call': call}
    k.write(name, 'prior-sample', info, io, state, {'prior': {'net': args, **prior}})


def main():
    p = argparse.ArgumentParser(description=__doc__.split('\n')[0])
    p.add_argument('out')
    p.add_argument('--seed', type=int, default=2000)
    p.add_argument('--only', default='', help='only cases whose name starts so')
    a = p.parse_args()
    k = dialects.Maker(a.out, a.seed, a.only)
    table = commits()
    for make, cases in ((net_case, NETS), (sample_case, SAMPLES)):
        for case, options in cases.items():
            version, name = case.split('-')[0], 'dialect-' + case
            if k.wanted(name):
                m = dialects.load(table[version])
                if make is net_case:
                    net_case(k, m, name, version, table[version], options[0], **options[1])
                else:
                    sample_case(k, m, name, version, table[version], *options)


if __name__ == '__main__':
    main()
