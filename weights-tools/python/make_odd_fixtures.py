"""Cases of random odd sizes from random versions of DALLE2-pytorch: widths and heads that are no multiple of 4, heads above 128, one sampling
step, embeddings as wide as the tokens.

    DALLE2_REPO=<clone of lucidrains/DALLE2-pytorch> DALLE2_SITE=<folders of packages, ':' between> \
        python make_odd_fixtures.py OUT [--seeds 1-160] [--kind prior-net|prior-sample|unet|decoder]

As in make_dialect_fixtures.py each case runs the unchanged source of its version. A seed decides all of a case; those that the version itself
cannot build or run are counted by their error and left out. `dalle2 verify OUT` compares ours with the rest. The cases in test/fixtures are
the seeds that their `odd_seed` names, their weights stored as f16 by `dalle2 convert --dtype f16`.
"""
import argparse, collections, contextlib, os, random

import torch
from torch import nn

import make_dialect_fixtures as dialects
from make_dialect_fixtures import number, only_known, takes

HEADS = [2, 3, 4, 5, 6, 7, 9, 10, 12, 20, 33, 36, 130, 160]


def generator(r):
    return torch.Generator().manual_seed(r.randint(0, 10**6))


def unit(g, rows, dim):
    return nn.functional.normalize(torch.randn(rows, dim, generator=g), dim=-1)


class Cases:
    def __init__(self, out):
        self.out, self.table, self.modules, self.info = out, dialects.versions(), {}, {}

    def module(self, version):
        if version not in self.modules:
            if len(self.modules) > 6:
                self.modules.clear()
            self.modules[version] = dialects.load(self.table[version], configs=True)
        return self.modules[version]

    def prior_args(self, m, r, sampled=False):
        is_continuous = r.random() < .3 and not sampled
        dim = r.choice([4, 5, 6, 9, 10, 14, 15, 16, 18, 30, 33])
        if is_continuous:
            dim += dim % 2
        args = dict(dim=dim, depth=r.randint(1, 2), dim_head=r.choice(HEADS), heads=r.randint(1, 4), num_timesteps=None if is_continuous else 50,
                    num_time_embeds=r.randint(1, 3), num_image_embeds=r.randint(1, 3), num_text_embeds=r.randint(1, 3), ff_mult=r.randint(1, 4),
                    norm_out=r.random() < .7, final_proj=r.random() < .7, normformer=r.random() < .4, rotary_emb=r.random() < .7,
                    max_text_len=r.randint(10, 13))
        if r.random() < .3 and takes(m.CausalTransformer.__init__, 'norm_in'):
            args['norm_in'] = True
        return dialects.prior_net_args(m, **args)

    def prior_net(self, k, r, version, name):
        m, _ = self.module(version)
        g = generator(r)
        args = self.prior_args(m, r)
        net = dialects.lively_prior(m.DiffusionPriorNetwork(**args), r.randint(0, 10**6), version)
        enc, mask, masked, _ = dialects.prior_text_inputs(version, g, dim=args['dim'])
        embed = unit(g, 2, args['dim'])
        x, t = torch.randn(2, args['dim'], generator=g), torch.tensor([3, 41])
        io = {'in.image_embed': x, 'in.timesteps': t, 'in.text_embed': embed, 'in.text_encodings': enc, **({'in.mask': mask} if masked else {})}
        call = lambda: dict(text_embed=embed, text_encodings=enc, **({'mask': mask.clone()} if masked else {}))
        with torch.no_grad():
            io['out.pred'] = net(x, t, **call())
            io['out.pred_cond_scale_2'] = net.forward_with_cond_scale(x, t, cond_scale=2., **call())
        k.write(name, 'prior-net', {**self.info, 'layout': 'bare state dict of the network', 'net': args}, io, net.state_dict())

    def prior_sample(self, k, r, version, name):
        m, C = self.module(version)
        g = generator(r)
        net = self.prior_args(m, r, sampled=True)
        has_ddim = takes(m.DiffusionPrior.__init__, 'sample_timesteps')
        net['num_timesteps'] = steps = r.choice([30, 47]) if has_ddim else 12
        prior = dict(image_embed_dim=net['dim'], image_size=32, cond_drop_prob=0.1, timesteps=steps)
        if has_ddim:
            prior['sample_timesteps'] = r.choice([1, 1, 2, 3])
        if r.random() < .3:
            prior['predict_x_start'] = False
        if r.random() < .3:
            prior['beta_schedule'] = r.choice(['linear', 'quadratic', 'sigmoid', 'cosine'])
        text = dialects.prior_text_inputs(version, g, dim=net['dim'])
        embed = unit(g, 2, net['dim'])
        call = {'num_samples_per_batch': r.randint(2, 3), 'cond_scale': r.choice([1., 2., 7.5])}
        dialects.prior_sample(k, m, C, version, self.table[version], name, net, prior, call, text, embed,
                              lambda state: dialects.tracker_save(version, state, {}))

    def unet_args(self, m, r, version):
        dim = r.choice([4, 6, 8, 10, 12, 14, 30])
        mults = r.choice([(1,), (1, 2), (1, 2), (1, 3), (1, 2, 3)])
        groups = [n for n in (1, 2, 3, 5) if dim % n == 0]
        embed_dim = r.choice([5, 6, 14, 20, 21, 32])
        args = dict(dim=dim, dim_mults=mults, image_embed_dim=embed_dim, cond_dim=r.choice([3, 5, 6, 8, 9, 10, 13, embed_dim]),
                    num_image_tokens=r.randint(1, 3), num_time_tokens=r.randint(1, 3), attn_dim_head=r.choice([2, 3, 5, 6, 7, 8, 10, 12, 20, 130, 160]),
                    attn_heads=r.randint(1, 4), max_text_len=r.randint(4, 9), resnet_groups=r.choice(groups), num_resnet_blocks=r.randint(1, 2),
                    memory_efficient=r.random() < .5, self_attn=tuple(r.random() < .4 for _ in mults), sparse_attn=r.random() < .6,
                    attend_at_middle=r.random() < .5, channels=r.choice([1, 3, 3, 5]))
        options = dict(init_cross_embed=False, init_conv_kernel_size=5, cross_embed_downsample=True, final_conv_kernel_size=3, scale_skip_connection=True,
                       nearest_upsample=True, add_image_embeds_to_time=False, cosine_sim_self_attn=True, cosine_sim_cross_attn=True,
                       combine_upsample_fmaps=True, pixel_shuffle_upsample=False, resnet_weight_standardization=True, self_cond=True)
        args.update({key: value for key, value in options.items() if r.random() < .2})
        if dim % 8:
            args.pop('combine_upsample_fmaps', None)
        if args.get('cross_embed_downsample'):
            args['cross_embed_downsample_kernel_sizes'] = r.choice([[4], [2, 4], [2, 4, 8]])
        if number(version) < (0, 23, 6):
            args.pop('pixel_shuffle_upsample', None)
        return only_known(m.Unet, **args)

    def unet(self, k, r, version, name):
        m, _ = self.module(version)
        g = generator(r)
        args = self.unet_args(m, r, version)
        sees_image, sees_text, is_upsampler = r.random() < .6, r.random() < .5, r.random() < .3
        args.update(only_known(m.Unet, channels_out=args['channels'] * r.randint(1, 2), cond_on_image_embeds=sees_image, lowres_cond=is_upsampler))
        text_dim = r.choice([6, 9, 10, 18])
        args.update(only_known(m.Unet, cond_on_text_encodings=sees_text, **({'text_embed_dim': text_dim} if sees_text else {})))
        unet = dialects.lively(m.Unet(**args), r.randint(0, 10**6))
        batch, channels = r.randint(1, 3), args['channels']
        x, t = torch.randn(batch, channels, 12, 12, generator=g), torch.tensor([2, 811, 40])[:batch]
        io = {'in.x': x, 'in.time': t, 'in.image_embed': torch.randn(batch, args['image_embed_dim'], generator=g)}
        call = dict(image_embed=io['in.image_embed'])
        if args.get('cond_on_text_encodings') and 'text_embed_dim' in args:
            enc = torch.randn(batch, 7, text_dim, generator=g)
            enc[0, 4:] = 0
            call['text_encodings'] = io['in.text_encodings'] = enc
            if takes(unet.forward, 'text_mask'):
                call['text_mask'] = io['in.mask'] = torch.any(enc != 0, dim=-1)
        if args.get('lowres_cond'):
            call['lowres_cond_img'] = io['in.lowres_cond_img'] = torch.randn(batch, channels, 12, 12, generator=g)
        with torch.no_grad():
            io['out.pred'] = unet(x, t, **call)
            io['out.pred_cond_scale_3'] = unet.forward_with_cond_scale(x, t, cond_scale=3., **call)
        k.write(name, 'unet', {**self.info, 'layout': 'bare state dict of the U-Net', 'unet': args}, io, unet.state_dict())

    def decoder(self, k, r, version, name):
        m, C = self.module(version)
        g = generator(r)
        count, embed_dim, unets = r.randint(1, 2), None, []
        for _ in range(count):
            args = self.unet_args(m, r, version)
            args.pop('channels', None)
            embed_dim = embed_dim or args['image_embed_dim']
            if args['cond_dim'] == args['image_embed_dim']:
                args['cond_dim'] = embed_dim
            args['image_embed_dim'] = embed_dim
            unets.append({key: list(value) if isinstance(value, tuple) else value for key, value in args.items()})
        has_text = r.random() < .6
        unets[0].update(text_embed_dim=10, cond_on_text_encodings=has_text)
        if not takes(m.Unet.__init__, 'text_embed_dim'):
            unets[0].pop('text_embed_dim')
        has_ddim = takes(m.Decoder.__init__, 'sample_timesteps')
        batch = r.randint(1, 2)
        decoder = dict(image_sizes=[12, 20][:count], timesteps=47 if has_ddim else 8)
        if has_ddim:
            decoder['sample_timesteps'] = [r.choice([1, 2, 3]) for _ in range(count)]
        options = {key: value for key, value, share in (('predict_x_start', True, .2), ('use_dynamic_thres', True, .2), ('learned_variance', False, .4))
                   if r.random() < share}
        decoder = only_known(m.Decoder, **decoder, **options)
        embed = unit(g, batch, embed_dim)
        enc = torch.randn(batch, 7, 10, generator=g) if has_text else None
        if has_text:
            enc[0, 4:] = 0
        k.seed = r.randint(0, 10**6)
        self.decoder_sample(k, version, name, unets, decoder, {'cond_scale': r.choice([1., 1.7, 3.])}, enc, embed)

    def decoder_sample(self, k, version, name, unets, decoder, call, enc, embed):
        m, C = self.module(version)
        config = dialects.decoder_config(C, version, unets, **decoder)
        if enc is None and 'condition_on_text_encodings' in config['decoder']:
            config['decoder']['condition_on_text_encodings'] = False
        parsed = C.TrainDecoderConfig(**config)
        full = parsed.dict()
        model = dialects.create(parsed.decoder)
        dialects.lively(model.unets, k.seed + 10)
        dialects.calm(model.unets)
        text = {} if enc is None else {'text_encodings': enc}
        io = {'in.image_embed': embed, **{f'in.{key}': value for key, value in text.items()}}
        torch.manual_seed(k.seed + 11)
        io['out.images'] = model.sample(image_embed=embed, **text, **call)
        checkpoint, layout = dialects.tracker_save(version, model.state_dict(), {}, full)
        k.write(name, 'decoder-sample', {**self.info, 'layout': layout, 'torch_seed': k.seed + 11, 'call': call}, io, checkpoint, config)

    def make(self, seed, kind):
        """Writes the case of a seed."""
        r = random.Random(seed)
        version = r.choice([v for v in self.table if number(v) >= (0, 5, 0)])
        kind = kind or r.choice(['prior-net', 'prior-sample', 'unet', 'decoder'])
        self.info = {'version': version, 'commit': self.table[version], 'odd_seed': seed}
        maker = dialects.Maker(self.out, r.randint(0, 10**6), '')
        getattr(self, kind.replace('-', '_'))(maker, r, version, f'dialect-{version}-odd-{seed}-{kind}')


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('out')
    parser.add_argument('--seeds', default='1-160')
    parser.add_argument('--kind', default='')
    arguments = parser.parse_args()
    first, _, last = arguments.seeds.partition('-')
    cases, made, errors = Cases(arguments.out), 0, collections.Counter()
    for seed in range(int(first), int(last or first) + 1):
        try:
            with open(os.devnull, 'w') as quiet, contextlib.redirect_stdout(quiet):
                cases.make(seed, arguments.kind)
            made += 1
        except Exception as error:
            errors[f'{type(error).__name__}: {str(error)[:110]}'] += 1
    print(f'{made} cases')
    for error, count in errors.most_common():
        print(count, error)


if __name__ == '__main__':
    main()
