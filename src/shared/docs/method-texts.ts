import type { MethodName } from '../methods';

/** What a page of `docs/methods` says beyond the registry and the schema. */
export interface MethodText {
  /** Lines of the formula, with the source's own equation numbers. */
  readonly formula: readonly string[];
  /** When to take it, and when not. */
  readonly use: string;
  /** Decisions, and where the source leaves something open. */
  readonly notes: readonly string[];
}

/** ρ ascent in the trained coordinates, said the same way on every page. */
const HEAD =
  'The head is not perturbed unless `perturb_head` is set; where nothing but a head is trained (`full`, `head`) everything is.';

export const METHOD_TEXTS: Readonly<Record<MethodName, MethodText>> = {
  none: {
    formula: ['g = ∇L(w)                      the update gradient'],
    use: 'The baseline of every comparison, on any adapter.',
    notes: ['`lora` is the same implementation under the name that users of pairs know.'],
  },
  lora: {
    formula: [
      'y = W0 x + s B (A · drop(x))   Eq. 6',
      'g = ∇L(A, B)                   the update gradient',
    ],
    use: 'The baseline of every comparison with pairs.',
    notes: ['The same implementation as `none`.'],
  },
  sam: {
    formula: [
      'ε = ρ g / ‖g‖                  Eq. 3; ‖g‖² = Σ_l (‖g_A‖² + ‖g_B‖²), one norm over all layers',
      'descend ∇L(w + ε) from w       Eq. 5',
      'ball: separate                 ε_x = ρ g_x / ‖g_x‖ for each A and each B (Eq. 7)',
    ],
    use: 'The reference that the cheaper methods are held against; also for full fine-tuning, where it is SAM itself.',
    notes: [
      'In (A, B) it depends on the basis: (BR⁻¹, RA) is the same W and gets another perturbation. `fmlora` does not.',
      'd𝔅/dt = ⟨E_B, g̃_B⟩ − ⟨E_A, g̃_A⟩ exactly (Theorem 5 of arXiv 2410.14802 is its first order in ρ). The bounds of Theorem 1 speak of E_A = 0 and are not shown.',
      HEAD,
    ],
  },
  obar: {
    formula: [
      'if ‖B‖ ≥ ‖A‖:  B ← (1 − α_t η_t) B,  A ← (1 + α_t η_t) A;  else reversed',
      'then the optimizer step with g = ∇L(w)',
      'α_t = μ₀ (1 − d), μ₀ ½(1 + cos πd) or μ₀;  d = (t − 1)/T',
    ],
    use: 'The implicit effect of SAM on the balance of A and B, at the price of plain training.',
    notes: [
      'Per pair, decoupled from the gradient as weight decay is, before the optimizer step.',
      'α₁ = μ₀. One public copy of the cosine lacks the ½; it is here.',
    ],
  },
  nbar: {
    formula: [
      'if ‖g_B‖ ≥ ‖g_A‖:  B ← (1 + α_t η_t) B,  A ← (1 − α_t η_t) A;  else reversed',
      'then the optimizer step with g = ∇L(w)',
      'α_t as for oBAR',
    ],
    use: 'As `obar`, but follows the gradients: what SAM itself does to the balance, to first order.',
    notes: ['The gradient norms are those before clipping; a common factor changes nothing.'],
  },
  'flat-lora': {
    formula: [
      'ε_ij ~ N(0, (σ_t²/m) ‖W′_i‖²),  W′ = W0 + sBA,  i an output row',
      'descend ∇L(W′ + ε) from W′',
      'σ_t = σ ½(1 − cos(π t/T)), from 0 to σ; or constant',
    ],
    use: 'Random flatness in the whole weight space in one pass. Published σ: 0.05 (T5, Llama), 0.15 (CLIP), 0.1 (SDXL).',
    notes: [
      'The noise is a function of `train.seed` and the step: the same for a whole accumulation cycle, and again after a resume.',
      'It is added in the forward pass alone. The published code adds to and subtracts from W0, which drifts in bf16, and reseeds the global generator from the clock.',
      'The published code calls σ `rho`. Not with DoRA, which normalises what the noise is added to.',
    ],
  },
  fmlora: {
    formula: [
      'Ḡ = ½(G P_A + P_B G)           Eqs. 10-12, from g_A and g_B by r × r algebra',
      'E_B = (1/s) (ρ Ḡ/‖Ḡ‖) A⁺       Eqs. 13-15',
      'descend ∇L(B + E_B, A) from (B, A)',
    ],
    use: 'SAM in the space of W without its size; independent of the basis of (A, B). Prefer `grad_estimator: A_only`, whose perturbation keeps the whole radius.',
    notes: [
      '`paper_mean` reaches ρ_eff/ρ = √((a + 3c)/(a + b + 2c)) ≤ 1 of the radius: the chart ρ_eff/ρ shows it; `radius_correction: exact` mends it.',
      'The printed sign of Eqs. 9 and 13 makes |Ḡ|/‖Ḡ‖, which is no ascent direction: `perturb_sign: literal` shows what it does.',
      'd𝔅/dt = ⟨E_B, g̃_B⟩ exactly. The bound of Eq. 17 is violated for r > 1; with σ_min(A) in place of ‖A‖ it holds.',
    ],
  },
  efmlora: {
    formula: [
      'pass at (B + Ê_{t−1}, A); E_t there, from (A, B̃, g̃)   Algorithm 2',
      'descend that gradient from (B, A)',
      'Ê_t = (1 − β) Ê_{t−1} + β E_t                          Eq. 18',
    ],
    use: 'FMLoRA at the price of plain training. The first step has no average and is clean.',
    notes: [
      'β weighs the new perturbation. At the default 0.99, Ê is close to the perturbation of one step ago.',
      'ρ_t falls to 0.2 ρ by a cosine: only public code says how, the paper leaves it open.',
      'Independent directions shrink the average to ρ√(β/(2 − β)); `ema_renormalize` undoes it.',
    ],
  },
  flatpo: {
    formula: [
      'S = the max(1, ⌊fraction · units⌋) units of largest score at w',
      'ε_p = ρ g_p / (‖g‖ + 1e-12) for p in S, else 0;  ‖g‖ over all that is trained, or over S',
      'adaptive: ε_p = ρ p² g_p / (‖|p| g‖ + 1e-12)',
      'descend ∇L(w + ε) from w, all parameters',
    ],
    use: 'To see how much of the sharpness a few parameters carry. `flatpo_choice: random` is the ablation that it has to beat.',
    notes: [
      'Published: tensors, global, ‖g_p‖, chosen anew at every step, denominator over all (so ‖ε‖ < ρ). At B = 0 only tensors of B qualify.',
      'Scores: ‖g‖, ‖g‖/√size, a moving average of g² (summed), or |z ∘ Hz| (summed) with one Rademacher z and Hz from a central difference.',
      '`per_layer` chooses within each layer of the transformer. With the head perturbed, it is a unit by itself.',
      HEAD,
    ],
  },
  asam: {
    formula: [
      'T = |w| + η on tensors named a weight, 1 elsewhere',
      'ε = ρ T² g / ‖T g‖;  descend ∇L(w + ε) from w',
    ],
    use: 'Where tensors differ much in scale; full fine-tuning above all. On pairs it is invariant to rescaling (cB, A/c) up to η, not to a rotation of the basis.',
    notes: ['`asam_eta: 0` is the adaptive SAM ρ w² g / ‖|w| g‖ (its published ρ is 2.0).', HEAD],
  },
  'f-sam': {
    formula: [
      'd = g − σ m,  then m ← λ m + (1 − λ) g;  at the first step d = m = g',
      'ε = ρ d / ‖d‖;  descend ∇L(w + ε) from w',
    ],
    use: 'Small batches: the full-gradient part of the perturbation is taken off, the noise of the batch stays.',
    notes: ['λ is 0.9 in the published class, 0.95 and 0.6 in its scripts.', HEAD],
  },
  gsam: {
    formula: [
      'ε = ρ_t g / ‖g‖,  g̃ = ∇L(w + ε)',
      'g⊥ = g − (⟨g, g̃⟩/‖g̃‖²) g̃;  descend g̃ − α g⊥ from w',
    ],
    use: 'Where SAM lowers the perturbed loss and leaves the gap to the clean one.',
    notes: [
      'The decomposition is over everything that is trained, as one vector. ρ_t follows the learning rate by default.',
      'α is published per task; 0.4 is our default, no recommendation. At ρ_t = 0 there is nothing across, and the step is plain.',
      HEAD,
    ],
  },
  looksam: {
    formula: [
      'steps 1, k + 1, …:  g_s = ∇L(w + ρ g/‖g‖);  g_v = g_s − (⟨g_s, g⟩/‖g‖²) g;  descend g_s',
      'else:  descend g + α (‖g‖/‖g_v‖) g_v',
    ],
    use: 'Most of SAM for little more than plain training.',
    notes: [
      'Projection and norms for each tensor by itself, as in the published code; ‖g‖ of ε is over all.',
      'On steps where ρ_t = 0 it is plain training.',
      HEAD,
    ],
  },
  gam: {
    formula: [
      'g₀ = ∇L(w),  g₁ = ∇L(w + ρ′ g₀/‖g₀‖),  w′ = w + ρ (g₁ − g₀)/‖g₁ − g₀‖',
      'g₂ = ∇L(w′),  g₃ = ∇L(w′ + ρ′ g₂/‖g₂‖)',
      'h = β₁ g₁ + (1 − β₁) g₃,  p = g₀ + β₂ g₂;  descend h − γ (p − (⟨p, h⟩/‖h‖²) h)',
    ],
    use: 'To lower first-order flatness (the largest gradient nearby), where four passes are affordable.',
    notes: [
      'The accelerated form of the published code. β₁ and β₂ are those of its CIFAR-100 script.',
      'ρ = 0 alone would leave GSAM at radius ρ′. Here ρ′ moves with ρ_t, so that ρ = 0 turns all of it off.',
      HEAD,
    ],
  },
  esam: {
    formula: [
      'each tensor is in T with probability β;  ε_p = ρ g_p / (β ‖g_T‖) for p in T, else 0',
      'D = the max(1, ⌊γ n⌋) examples with the largest L_i(w + ε) − L_i(w)',
      'descend ∇L_D(w + ε) from w',
    ],
    use: 'Large batches, where the second pass on half of the examples saves time.',
    notes: [
      'The norm is over the chosen tensors: the published code switches the gradients of the others off.',
      'The choice of tensors is a function of `train.seed` and the step. The pass over D has fewer rows, so its dropout masks are no replay.',
      'At ρ_t = 0 no loss rises, and the step is plain.',
      HEAD,
    ],
  },
  'bi-lora': {
    formula: [
      'W0 + s B₁A₁ + B₂A₂, one backward pass',
      'pair 1: the optimizer step;  pair 2: A₂ ← A₂ + η g,  B₂ ← B₂ + η g',
      'c = √(Σ ‖B₂A₂‖²);  if c > ρ: every A₂, B₂ times √(ρ/c)',
    ],
    use: 'A perturbation beyond the span of the trained pair, at the price of one pass with a second branch.',
    notes: [
      'The ascent is the plain gradient step with the learning rate of the descent (η₂ = η₁); whether the published runs put the optimizer in between is not known to us.',
      'Pair 2 has no scale s and no dropout: ρ is a radius in W. It starts as a fresh pair, B₂ = 0.',
      'Pair 2 is in the checkpoint as state of the method, and never in the saved adapter. Not with DoRA.',
    ],
  },
};
