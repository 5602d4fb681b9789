-- SPDX-License-Identifier: Apache-2.0
-- 0060_entry_order.sql - the entry before another has a lower number
--
-- Without that two entries that undo each other could each name the other one: all balances are told right then, and who walks the history meets neither.

ALTER TABLE entry ADD CONSTRAINT entry_previous_check CHECK (debit_previous < number AND credit_previous < number);

-- As before, but one more for each that names a higher number.
CREATE OR REPLACE VIEW entry_told AS
	SELECT number, debit, credit, amount_micro,
		(hashint8extended(debit_after, hashint8extended(number, debit) # (debit_after & -4294967296)) >> 3)
			- (hashint8extended(debit_after + amount_micro, hashint8extended(debit_previous, debit)
				# ((debit_after + amount_micro) & -4294967296)) >> 3) + (debit_previous >= number)::integer AS debit_told,
		(hashint8extended(credit_after, hashint8extended(number, credit) # (credit_after & -4294967296)) >> 3)
			- (hashint8extended(credit_after - amount_micro, hashint8extended(credit_previous, credit)
				# ((credit_after - amount_micro) & -4294967296)) >> 3) + (credit_previous >= number)::integer AS credit_told,
		ctid AS place
	FROM entry;
