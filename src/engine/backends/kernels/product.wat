;; C = A·B for float32 matrices with any strides, four lanes at a time, in the memory of
;; TensorFlow.js. Assembled into product.wasm.ts by `node scripts/build-kernels.mjs`.
;;
;; B is copied, eight columns at a time, into a panel [k][8] padded with zeros; a tile of 4 x 8
;; results is then summed in registers. Strides and addresses are in bytes.
(module
  (import "tfjs" "memory" (memory 0))

  ;; `scratch` holds one tile (128 bytes) and one panel (32·k bytes).
  (func (export "multiply")
    (param $a i32) (param $b i32) (param $c i32) (param $scratch i32)
    (param $m i32) (param $n i32) (param $k i32)
    (param $aRow i32) (param $aInner i32) (param $bInner i32) (param $bColumn i32)
    (local $i i32) (local $j i32) (local $rows i32) (local $columns i32)
    (local $panel i32) (local $target i32) (local $last i32)
    (local.set $panel (i32.add (local.get $scratch) (i32.const 128)))
    (loop $eachPanel
      (local.set $columns (call $min (i32.const 8) (i32.sub (local.get $n) (local.get $j))))
      (call $pack
        (i32.add (local.get $b) (i32.mul (local.get $j) (local.get $bColumn)))
        (local.get $columns) (local.get $k)
        (local.get $bInner) (local.get $bColumn) (local.get $panel))
      (local.set $i (i32.const 0))
      (loop $eachTile
        (local.set $rows (call $min (i32.const 4) (i32.sub (local.get $m) (local.get $i))))
        ;; Rows beyond the edge repeat the last one, so that nothing outside A is read.
        (local.set $last (i32.mul (i32.sub (local.get $rows) (i32.const 1)) (local.get $aRow)))
        (local.set $target
          (i32.add (local.get $c)
            (i32.shl
              (i32.add (i32.mul (local.get $i) (local.get $n)) (local.get $j))
              (i32.const 2))))
        (if (i32.and
              (i32.eq (local.get $rows) (i32.const 4))
              (i32.eq (local.get $columns) (i32.const 8)))
          (then
            (call $tile
              (i32.add (local.get $a) (i32.mul (local.get $i) (local.get $aRow)))
              (local.get $aRow) (local.get $last) (local.get $aInner)
              (local.get $panel) (local.get $k)
              (local.get $target) (i32.shl (local.get $n) (i32.const 2))))
          (else
            (call $tile
              (i32.add (local.get $a) (i32.mul (local.get $i) (local.get $aRow)))
              (local.get $aRow) (local.get $last) (local.get $aInner)
              (local.get $panel) (local.get $k)
              (local.get $scratch) (i32.const 32))
            (call $copy
              (local.get $scratch) (local.get $target)
              (local.get $rows) (local.get $columns)
              (i32.shl (local.get $n) (i32.const 2)))))
        (local.set $i (i32.add (local.get $i) (i32.const 4)))
        (br_if $eachTile (i32.lt_u (local.get $i) (local.get $m))))
      (local.set $j (i32.add (local.get $j) (i32.const 8)))
      (br_if $eachPanel (i32.lt_u (local.get $j) (local.get $n)))))

  ;; panel[p][q] = B[p][q] for q < columns, and 0 beyond.
  (func $pack
    (param $b i32) (param $columns i32) (param $k i32)
    (param $bInner i32) (param $bColumn i32) (param $panel i32)
    (local $q i32) (local $from i32)
    (loop $eachRow
      (if (i32.and
            (i32.eq (local.get $bColumn) (i32.const 4))
            (i32.eq (local.get $columns) (i32.const 8)))
        (then
          (v128.store (local.get $panel) (v128.load (local.get $b)))
          (v128.store offset=16 (local.get $panel) (v128.load offset=16 (local.get $b))))
        (else
          (v128.store (local.get $panel) (v128.const i32x4 0 0 0 0))
          (v128.store offset=16 (local.get $panel) (v128.const i32x4 0 0 0 0))
          (local.set $q (i32.const 0))
          (local.set $from (local.get $b))
          (loop $eachColumn
            (f32.store
              (i32.add (local.get $panel) (i32.shl (local.get $q) (i32.const 2)))
              (f32.load (local.get $from)))
            (local.set $from (i32.add (local.get $from) (local.get $bColumn)))
            (local.set $q (i32.add (local.get $q) (i32.const 1)))
            (br_if $eachColumn (i32.lt_u (local.get $q) (local.get $columns))))))
      (local.set $b (i32.add (local.get $b) (local.get $bInner)))
      (local.set $panel (i32.add (local.get $panel) (i32.const 32)))
      (local.set $k (i32.sub (local.get $k) (i32.const 1)))
      (br_if $eachRow (local.get $k))))

  ;; Four rows of A times a panel. `last` is the offset of the last row there is.
  (func $tile
    (param $a i32) (param $aRow i32) (param $last i32) (param $aInner i32)
    (param $panel i32) (param $k i32) (param $target i32) (param $targetRow i32)
    (local $a1 i32) (local $a2 i32) (local $a3 i32)
    (local $left v128) (local $right v128) (local $x v128)
    (local $s00 v128) (local $s01 v128) (local $s10 v128) (local $s11 v128)
    (local $s20 v128) (local $s21 v128) (local $s30 v128) (local $s31 v128)
    (local.set $a1 (i32.add (local.get $a) (call $min (local.get $aRow) (local.get $last))))
    (local.set $a2 (i32.add (local.get $a)
      (call $min (i32.shl (local.get $aRow) (i32.const 1)) (local.get $last))))
    (local.set $a3 (i32.add (local.get $a) (local.get $last)))
    (loop $eachInner
      (local.set $left (v128.load (local.get $panel)))
      (local.set $right (v128.load offset=16 (local.get $panel)))
      (local.set $x (v128.load32_splat (local.get $a)))
      (local.set $s00 (f32x4.add (local.get $s00) (f32x4.mul (local.get $x) (local.get $left))))
      (local.set $s01 (f32x4.add (local.get $s01) (f32x4.mul (local.get $x) (local.get $right))))
      (local.set $x (v128.load32_splat (local.get $a1)))
      (local.set $s10 (f32x4.add (local.get $s10) (f32x4.mul (local.get $x) (local.get $left))))
      (local.set $s11 (f32x4.add (local.get $s11) (f32x4.mul (local.get $x) (local.get $right))))
      (local.set $x (v128.load32_splat (local.get $a2)))
      (local.set $s20 (f32x4.add (local.get $s20) (f32x4.mul (local.get $x) (local.get $left))))
      (local.set $s21 (f32x4.add (local.get $s21) (f32x4.mul (local.get $x) (local.get $right))))
      (local.set $x (v128.load32_splat (local.get $a3)))
      (local.set $s30 (f32x4.add (local.get $s30) (f32x4.mul (local.get $x) (local.get $left))))
      (local.set $s31 (f32x4.add (local.get $s31) (f32x4.mul (local.get $x) (local.get $right))))
      (local.set $a (i32.add (local.get $a) (local.get $aInner)))
      (local.set $a1 (i32.add (local.get $a1) (local.get $aInner)))
      (local.set $a2 (i32.add (local.get $a2) (local.get $aInner)))
      (local.set $a3 (i32.add (local.get $a3) (local.get $aInner)))
      (local.set $panel (i32.add (local.get $panel) (i32.const 32)))
      (local.set $k (i32.sub (local.get $k) (i32.const 1)))
      (br_if $eachInner (local.get $k)))
    (v128.store (local.get $target) (local.get $s00))
    (v128.store offset=16 (local.get $target) (local.get $s01))
    (local.set $target (i32.add (local.get $target) (local.get $targetRow)))
    (v128.store (local.get $target) (local.get $s10))
    (v128.store offset=16 (local.get $target) (local.get $s11))
    (local.set $target (i32.add (local.get $target) (local.get $targetRow)))
    (v128.store (local.get $target) (local.get $s20))
    (v128.store offset=16 (local.get $target) (local.get $s21))
    (local.set $target (i32.add (local.get $target) (local.get $targetRow)))
    (v128.store (local.get $target) (local.get $s30))
    (v128.store offset=16 (local.get $target) (local.get $s31)))

  ;; The part of a tile that lies inside C.
  (func $copy
    (param $from i32) (param $to i32) (param $rows i32) (param $columns i32) (param $toRow i32)
    (local $q i32)
    (loop $eachRow
      (local.set $q (i32.const 0))
      (loop $eachColumn
        (f32.store
          (i32.add (local.get $to) (i32.shl (local.get $q) (i32.const 2)))
          (f32.load (i32.add (local.get $from) (i32.shl (local.get $q) (i32.const 2)))))
        (local.set $q (i32.add (local.get $q) (i32.const 1)))
        (br_if $eachColumn (i32.lt_u (local.get $q) (local.get $columns))))
      (local.set $from (i32.add (local.get $from) (i32.const 32)))
      (local.set $to (i32.add (local.get $to) (local.get $toRow)))
      (local.set $rows (i32.sub (local.get $rows) (i32.const 1)))
      (br_if $eachRow (local.get $rows))))

  (func $min (param $x i32) (param $y i32) (result i32)
    (select (local.get $x) (local.get $y) (i32.lt_u (local.get $x) (local.get $y)))))
